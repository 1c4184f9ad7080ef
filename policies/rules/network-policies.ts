import type { KubernetesObject } from "../object";
import type { Finding, StackRule } from "../rule";
import { at, elements, isMap, Unknown, unknownIn, type Value } from "../value";
import { WORKLOAD_KINDS } from "../workload";

const DIRECTIONS = ["Ingress", "Egress"] as const;
type Direction = (typeof DIRECTIONS)[number];

const isEmpty = (selector: Value | undefined): boolean =>
  isMap(selector) &&
  Object.keys((at(selector, "matchLabels") as object | undefined) ?? {}).length === 0 &&
  elements(at(selector, "matchExpressions")).length === 0;

/** Which directions a policy closes for every pod of its namespace. An {@link Unknown} part that decides is given back. */
function closes(policy: KubernetesObject): readonly Direction[] | Unknown {
  const spec = at(policy.fields, "spec");
  const unknown = unknownIn(spec);
  if (unknown !== undefined) return unknown;
  if (!isEmpty(at(spec, "podSelector") ?? (isMap(spec) ? {} : undefined))) return [];
  const types = elements(at(spec, "policyTypes"));
  return DIRECTIONS.filter(
    (direction) => types.includes(direction) && elements(at(spec, direction.toLowerCase())).length === 0,
  );
}

function* checkNamespace(
  namespace: string,
  subject: KubernetesObject,
  policies: readonly KubernetesObject[],
): Generator<Finding> {
  const answers = policies.map(closes);
  const unknown = answers.find((answer) => answer instanceof Unknown);
  const open = DIRECTIONS.filter(
    (direction) => !answers.some((answer) => !(answer instanceof Unknown) && answer.includes(direction)),
  );
  if (open.length === 0) return;
  if (unknown !== undefined) yield { subject, unknown };
  else {
    yield {
      subject,
      breach:
        `no NetworkPolicy of the stack closes ${open.join(" and ")} for all pods of namespace '${namespace}'; add one with podSelector: {}, ` +
        `policyTypes: [${DIRECTIONS.join(", ")}] and no rules, and allow flows by further policies`,
    };
  }
}

export const networkPolicies: StackRule = {
  name: "network-policies",
  description:
    "Every namespace that the stack makes or puts pods into has a network policy that denies all that no other policy allows.",
  severity: "high",
  references: [
    { framework: "CIS Kubernetes Benchmark", control: "5.3.2" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Network policies" },
  ],
  remediation:
    "Add a NetworkPolicy that selects all pods, names Ingress and Egress, and has no rules; then one for each flow that is needed.",
  scope: "stack",
  kinds: [...WORKLOAD_KINDS, "Namespace", "NetworkPolicy"],
  *check(objects) {
    /** One object to name for each namespace, and its policies. */
    const subjects = new Map<string, KubernetesObject>();
    const policies = new Map<string, KubernetesObject[]>();
    const anywhere: KubernetesObject[] = [];
    for (const object of objects) {
      if (object.kind === "NetworkPolicy") {
        if (object.namespace instanceof Unknown) anywhere.push(object);
        else {
          const known = policies.get(object.namespace);
          if (known === undefined) policies.set(object.namespace, [object]);
          else known.push(object);
        }
      } else if (object.kind === "Namespace") subjects.set(object.name, object);
    }
    for (const object of objects.filter(({ kind }) => WORKLOAD_KINDS.includes(kind))) {
      if (object.namespace instanceof Unknown) yield { subject: object, unknown: object.namespace };
      else if (!subjects.has(object.namespace)) subjects.set(object.namespace, object);
    }
    for (const [namespace, subject] of subjects) {
      const known = policies.get(namespace) ?? [];
      const [unplaced] = anywhere;
      for (const finding of checkNamespace(namespace, subject, known)) {
        // A policy whose namespace is not known yet may be the one that is missing.
        yield "breach" in finding && unplaced?.namespace instanceof Unknown
          ? { subject, unknown: unplaced.namespace }
          : finding;
      }
    }
  },
};
