import type { Policies } from "@pulumi/policy";
import { type AdmissionRule, admissionRules } from "./admission";
import { environmentNamed } from "./ceilings";
import exemptionList from "./exemptions.json";
import { type Exemption, readExemptions, today } from "./exemption";
import { levelIn, type Levels, readLevels } from "./level";
import levelList from "./levels.json";
import { toPolicies } from "./policy";
import type { Rule } from "./rule";
import { allowedRegistries } from "./rules/allowed-registries";
import { apiDeprecated } from "./rules/api-deprecated";
import { apiRemoved } from "./rules/api-removed";
import { autoscalerBounds } from "./rules/autoscaler-bounds";
import { autoscalerTarget } from "./rules/autoscaler-target";
import { capacityFits } from "./rules/capacity-fits";
import { containerRequestsWithinLimits } from "./rules/container-requests-within-limits";
import { containerResourcesCeiling } from "./rules/container-resources-ceiling";
import { containerResourcesSet } from "./rules/container-resources-set";
import { costCeiling } from "./rules/cost-ceiling";
import { disruptionBudget } from "./rules/disruption-budget";
import { droppedCapabilities } from "./rules/dropped-capabilities";
import { exemptionsCurrent } from "./rules/exemptions-current";
import { helmPinned } from "./rules/helm-pinned";
import { helmValues } from "./rules/helm-values";
import { imageDigest } from "./rules/image-digest";
import { imagePinned } from "./rules/image-pinned";
import { labelsAndOwner } from "./rules/labels-and-owner";
import { networkPolicies } from "./rules/network-policies";
import { noHostNamespaces } from "./rules/no-host-namespaces";
import { noHostPath } from "./rules/no-host-path";
import { noHostPort } from "./rules/no-host-port";
import { noPlainSecret } from "./rules/no-plain-secret";
import { noPrivilegeEscalation } from "./rules/no-privilege-escalation";
import { noWildcardRbac } from "./rules/no-wildcard-rbac";
import { probes } from "./rules/probes";
import { probesDiffer } from "./rules/probes-differ";
import { protectedState } from "./rules/protected-state";
import { quotaFits } from "./rules/quota-fits";
import { readOnlyRoot } from "./rules/read-only-root";
import { replicasAndSpread } from "./rules/replicas-and-spread";
import { runAsNonRoot } from "./rules/run-as-non-root";
import { seccomp } from "./rules/seccomp";
import { serviceAccountToken } from "./rules/service-account-token";
import { storageBackedUp } from "./rules/storage-backed-up";
import { storageEncrypted } from "./rules/storage-encrypted";
import { terminationGrace } from "./rules/termination-grace";
import { tlsAtEdge } from "./rules/tls-at-edge";

/** The rules that can be exempted from, by what they are about: sizes, images, rights, traffic, availability, data, upkeep. */
const EXEMPTIBLE: readonly Rule[] = [
  containerResourcesSet,
  containerResourcesCeiling,
  containerRequestsWithinLimits,
  quotaFits,
  capacityFits,
  costCeiling,
  imagePinned,
  imageDigest,
  allowedRegistries,
  runAsNonRoot,
  noPrivilegeEscalation,
  droppedCapabilities,
  seccomp,
  readOnlyRoot,
  noHostNamespaces,
  noHostPath,
  noHostPort,
  serviceAccountToken,
  noWildcardRbac,
  noPlainSecret,
  networkPolicies,
  tlsAtEdge,
  probes,
  probesDiffer,
  terminationGrace,
  disruptionBudget,
  replicasAndSpread,
  autoscalerBounds,
  autoscalerTarget,
  storageEncrypted,
  storageBackedUp,
  protectedState,
  helmPinned,
  helmValues,
  apiRemoved,
  apiDeprecated,
  labelsAndOwner,
];

/** All rules of the pack, with the exemptions of `exemptions.json` or those given. */
export function rulesOf(exemptions: readonly Exemption[], day: () => string = today): Rule[] {
  return [...EXEMPTIBLE, exemptionsCurrent({ rules: EXEMPTIBLE, exemptions, today: day })];
}

/** What the data files say. Throws when `exemptions.json` or `levels.json` is malformed. */
function readData(): { rules: Rule[]; exemptions: Exemption[]; levels: Levels } {
  const exemptions = readExemptions(
    exemptionList,
    EXEMPTIBLE.map(({ name }) => name),
  );
  const rules = rulesOf(exemptions);
  const levels = readLevels(
    levelList,
    rules.map(({ name }) => name),
  );
  return { rules, exemptions, levels };
}

/** The pack's policies, at the levels of the stack's environment. */
export function policies(stack: string): Policies {
  const { rules, exemptions, levels } = readData();
  const environment = environmentNamed(stack);
  return toPolicies(rules, { exemptions, today, levelOf: ({ name }) => levelIn(levels, environment, name) });
}

/** The rules that the API server of a stack can enforce too, with the pack's own exemptions and levels. */
export function admission({ project, stack, environment = environmentNamed(stack) }: AdmissionTarget): AdmissionRule[] {
  return admissionRules({ ...readData(), project, stack, environment, today: today() });
}

export interface AdmissionTarget {
  readonly project: string;
  readonly stack: string;
  /** @default the one that the stack is called, or that its name begins with */
  readonly environment?: string;
}
