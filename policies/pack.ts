import type { Policies } from "@pulumi/policy";
import exemptionList from "./exemptions.json";
import { type Exemption, readExemptions, today } from "./exemption";
import { toPolicies } from "./policy";
import type { Rule } from "./rule";
import { containerRequestsWithinLimits } from "./rules/container-requests-within-limits";
import { containerResourcesCeiling } from "./rules/container-resources-ceiling";
import { containerResourcesSet } from "./rules/container-resources-set";
import { disruptionBudget } from "./rules/disruption-budget";
import { exemptionsCurrent } from "./rules/exemptions-current";
import { imagePinned } from "./rules/image-pinned";
import { noHostNamespaces } from "./rules/no-host-namespaces";
import { noPrivilegeEscalation } from "./rules/no-privilege-escalation";
import { probes } from "./rules/probes";
import { readOnlyRoot } from "./rules/read-only-root";
import { runAsNonRoot } from "./rules/run-as-non-root";

/** The rules that can be exempted from. */
const EXEMPTIBLE: readonly Rule[] = [
  containerResourcesSet,
  containerResourcesCeiling,
  containerRequestsWithinLimits,
  imagePinned,
  runAsNonRoot,
  noPrivilegeEscalation,
  readOnlyRoot,
  probes,
  noHostNamespaces,
  disruptionBudget,
];

/** All rules of the pack, with the exemptions of `exemptions.json` or those given. */
export function rulesOf(exemptions: readonly Exemption[], day: () => string = today): Rule[] {
  return [...EXEMPTIBLE, exemptionsCurrent({ rules: EXEMPTIBLE, exemptions, today: day })];
}

/** The pack's policies. Throws when `exemptions.json` is malformed. */
export function policies(): Policies {
  const exemptions = readExemptions(
    exemptionList,
    EXEMPTIBLE.map(({ name }) => name),
  );
  return toPolicies(rulesOf(exemptions), { exemptions, today });
}
