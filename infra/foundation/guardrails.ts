import { ValidatingAdmissionPolicy } from "@pulumi/kubernetes/admissionregistration/v1/validatingAdmissionPolicy";
import { ValidatingAdmissionPolicyBinding } from "@pulumi/kubernetes/admissionregistration/v1/validatingAdmissionPolicyBinding";
import type * as pulumi from "@pulumi/pulumi";
import { admission, type AdmissionTarget } from "../../policies/pack";
import { platformLabels } from "../workload/labels";

type AdmissionRule = ReturnType<typeof admission>[number];

/** What the API server does with an object that breaks a rule of the level. */
const actions: Readonly<Record<AdmissionRule["level"], readonly string[]>> = {
  mandatory: ["Deny"],
  advisory: ["Warn", "Audit"],
};

/**
 * The policy pack's rules on pods, enforced by the API server too, in every namespace of the platform: for what comes by other ways than
 * Pulumi. Rules of one level that look at the same kinds share a policy.
 */
export function guardrails(target: Required<AdmissionTarget>, options: pulumi.CustomResourceOptions): void {
  for (const [name, rules] of grouped(admission(target))) {
    const [first] = rules;
    if (first === undefined) continue;
    const metadata = { name, labels: platformLabels };
    const policy = new ValidatingAdmissionPolicy(
      name,
      {
        metadata,
        spec: {
          failurePolicy: "Fail",
          matchConstraints: { resourceRules: resourceRules(first.matchKinds) },
          validations: rules.map(({ expression, message }) => ({ expression, message, reason: "Forbidden" })),
        },
      },
      options,
    );
    new ValidatingAdmissionPolicyBinding(
      name,
      {
        metadata,
        spec: {
          policyName: policy.metadata.name,
          validationActions: [...actions[first.level]],
          matchResources: { namespaceSelector: { matchLabels: platformLabels } },
        },
      },
      options,
    );
  }
}

/** By level and the kinds that they match. */
function grouped(rules: readonly AdmissionRule[]): Map<string, AdmissionRule[]> {
  const groups = new Map<string, AdmissionRule[]>();
  for (const rule of rules) {
    const name = `ballast-${rule.level}-${rule.shape}`;
    groups.set(name, [...(groups.get(name) ?? []), rule]);
  }
  return groups;
}

function resourceRules(kinds: AdmissionRule["matchKinds"]) {
  const groups = [...new Set(kinds.map(({ apiGroup }) => apiGroup))];
  return groups.map((group) => {
    const own = kinds.filter(({ apiGroup }) => apiGroup === group);
    return {
      apiGroups: [group],
      apiVersions: [...new Set(own.map(({ apiVersion }) => apiVersion))],
      operations: ["CREATE", "UPDATE"],
      resources: [...new Set(own.map(({ resource }) => resource))],
    };
  });
}
