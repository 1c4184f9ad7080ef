import { concerns, covers, describe, type Exemption, FILE, isExpired, isTooFar } from "../exemption";
import { MAXIMUM_EXEMPTION_DAYS } from "../ceilings";
import { CHART_TYPES } from "../helm";
import { isAmong, type KubernetesObject } from "../object";
import { type Context, type Finding, inspect, type Rule, type StackRule } from "../rule";
import { at, Unknown } from "../value";
import { toWorkload, WORKLOAD_KINDS } from "../workload";

export interface ExemptionsOptions {
  readonly rules: readonly Rule[];
  readonly exemptions: readonly Exemption[];
  readonly today: () => string;
}

export const EXEMPTIONS_CURRENT = "exemptions-current";

const kindsOf = (rule: Rule): readonly string[] =>
  rule.scope === "stack" || rule.scope === "object" ? rule.kinds : WORKLOAD_KINDS;

/** The rule over the exemptions themselves; it runs their rules once more, without exemptions, to see what each of them covers. */
export function exemptionsCurrent({ rules, exemptions, today }: ExemptionsOptions): StackRule {
  const named = new Set(exemptions.map(({ rule }) => rule));
  return {
    name: EXEMPTIONS_CURRENT,
    description: "Every exemption in policies/exemptions.json is still needed and has not expired.",
    severity: "medium",
    references: [{ framework: "CIS Kubernetes Benchmark", control: "5.2.1" }],
    remediation: "Fix what was exempted and remove the entry; or, after a review, give it a later date and say why.",
    scope: "stack",
    kinds: [...new Set([...rules.filter(({ name }) => named.has(name)).flatMap(kindsOf), ...CHART_TYPES])],
    *check(objects, context) {
      const day = today();
      for (const [index, exemption] of exemptions.entries()) {
        if (!concerns(exemption, context)) continue;
        const name = `${FILE}: entry ${index}: the ${describe(exemption)}`;
        if (isExpired(exemption, day)) {
          yield {
            breach: `${name} expired on ${exemption.expires}, and today is ${day}; fix the cause and remove the entry, or renew it with a reason`,
          };
        } else if (isTooFar(exemption, day)) {
          yield {
            breach: `${name} ends on ${exemption.expires}, more than ${MAXIMUM_EXEMPTION_DAYS} days away; choose an earlier date`,
          };
        } else if (!isNeeded(exemption, rules, objects, context)) {
          yield {
            breach: `${name} covers nothing in this stack; remove the entry, or correct its kind, namespace, name, container or release`,
          };
        }
      }
    },
  };
}

/** What is unknown counts as needed: only a deployment can tell. */
function isNeeded(
  exemption: Exemption,
  rules: readonly Rule[],
  objects: readonly KubernetesObject[],
  context: Context,
): boolean {
  const rule = rules.find(({ name }) => name === exemption.rule);
  if (rule === undefined) return false;
  if (exemption.release !== undefined) return objects.some((object) => installs(object, exemption));
  const ruleContext: Context = { ...context, config: {} };
  const read = objects.filter(({ type }) => isAmong(kindsOf(rule), type));
  if (rule.scope === "stack") {
    return some(
      rule.check(read, ruleContext),
      ({ subject, container }) => subject !== undefined && covers(exemption, subject, container),
    );
  }
  return read
    .filter(({ kind }) => kind === exemption.kind)
    .some((object) => {
      const found =
        rule.scope === "object" ? rule.check(object, ruleContext) : inspect(rule, toWorkload(object), ruleContext);
      return some(found, ({ container }) => covers(exemption, object, container));
    });
}

/** Whether it is the release that makes what is exempted. */
function installs({ type, fields }: KubernetesObject, { release, namespace }: Exemption): boolean {
  const is = (key: string, wanted: string | undefined): boolean => {
    const value = at(fields, key);
    return wanted === undefined || value instanceof Unknown || value === wanted;
  };
  return isAmong(CHART_TYPES, type) && is("name", release) && is("namespace", namespace);
}

function some(findings: Iterable<Finding>, test: (finding: Finding) => boolean): boolean {
  for (const finding of findings) {
    if (test(finding)) return true;
  }
  return false;
}
