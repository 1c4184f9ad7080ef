import type {
  EnforcementLevel,
  Policies,
  Policy,
  ReportViolation,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { environmentNamed } from "./ceilings";
import { concerns, covers, type Exemption, isExpired } from "./exemption";
import { isAmong, type KubernetesObject, objects, type Resource } from "./object";
import { remediateParts } from "./remediation";
import { type Context, type Finding, FRAMEWORKS, inspect, type Rule, type StackRule } from "./rule";
import type { Unknown } from "./value";
import { toWorkload, WORKLOAD_KINDS } from "./workload";

export interface PolicyOptions {
  readonly exemptions: readonly Exemption[];
  /** The day exemptions are judged by. */
  readonly today: () => string;
  /** What a breach of a rule does, where the user's configuration does not say. @default "mandatory" */
  readonly levelOf?: (rule: Rule) => EnforcementLevel;
}

/** The rules as the SDK wants them. */
export function toPolicies(rules: readonly Rule[], options: PolicyOptions): Policies {
  return rules.map((rule) => (rule.scope === "stack" ? stackPolicy(rule, options) : resourcePolicy(rule, options)));
}

function policy(rule: Rule, { levelOf }: PolicyOptions): Policy {
  const [{ framework, control }] = rule.references;
  const { version, url } = FRAMEWORKS[framework];
  return {
    name: rule.name,
    description: rule.description,
    severity: rule.severity,
    enforcementLevel: levelOf?.(rule) ?? "mandatory",
    framework: { name: framework, version, reference: url, specification: control },
    remediationSteps: rule.remediation,
    ...(rule.config === undefined ? {} : { configSchema: { properties: { ...rule.config } } }),
  };
}

function resourcePolicy(rule: Exclude<Rule, StackRule>, options: PolicyOptions): ResourceValidationPolicy {
  const { remediate } = rule;
  const kinds = rule.scope === "object" ? rule.kinds : WORKLOAD_KINDS;
  const parts = ({ object: "object", workload: "pod", container: "container" } as const)[rule.scope];
  return {
    ...policy(rule, options),
    validateResource: (args, report) => {
      if (!isAmong(kinds, args.type)) args.notApplicable(`Only on ${kinds.join(", ")}`);
      const context = contextOf(args.urn, args.getConfig());
      const judge = new Judge(rule, context, options, report);
      for (const { finding, object } of findings(rule, args, context)) judge.hear(finding, object);
      judge.close();
    },
    ...(remediate === undefined
      ? {}
      : {
          remediateResource: (args) => {
            if (!isAmong(kinds, args.type)) args.notApplicable(`Only on ${kinds.join(", ")}`);
            const kind = args.type.split(":").at(-1)?.replace(/List$/, "") ?? "";
            return remediateParts(args.props, kind, parts, remediate) ? args.props : undefined;
          },
        }),
  };
}

function* findings(
  rule: Exclude<Rule, StackRule>,
  resource: Resource,
  context: Context,
): Generator<{ finding: Finding; object: KubernetesObject }> {
  if (rule.scope === "object") {
    for (const object of objects(resource, rule.kinds)) {
      for (const finding of rule.check(object, context)) yield { finding, object };
    }
    return;
  }
  for (const object of objects(resource, WORKLOAD_KINDS).map(toWorkload)) {
    for (const finding of inspect(rule, object, context)) yield { finding, object };
  }
}

function stackPolicy(rule: StackRule, options: PolicyOptions): StackValidationPolicy {
  return {
    ...policy(rule, options),
    validateStack: (args, report) => {
      const context = contextOf(args.resources[0]?.urn ?? "", args.getConfig());
      const judge = new Judge(rule, context, options, report);
      const found = args.resources.flatMap((resource) => objects(resource, rule.kinds));
      for (const finding of rule.check(found, context)) judge.hear(finding, finding.subject);
      judge.close();
    },
  };
}

/** `urn:pulumi:<stack>::<project>::<type>::<name>` */
function contextOf(urn: string, settings: object): Context {
  const [head = "", project = ""] = urn.split("::");
  const stack = head.split(":")[2] ?? "";
  const config = settings as Context["config"];
  const configured = config["environment"];
  return {
    stack,
    project,
    config,
    environment: typeof configured === "string" ? configured : environmentNamed(stack),
  };
}

/** Turns findings into violations, less those that are exempted. */
class Judge {
  private unknown: Unknown | undefined;
  private readonly exemptions: readonly Exemption[];

  constructor(
    rule: Rule,
    context: Context,
    options: PolicyOptions,
    private readonly report: ReportViolation,
  ) {
    const day = options.today();
    this.exemptions = options.exemptions.filter(
      (exemption) => exemption.rule === rule.name && !isExpired(exemption, day) && concerns(exemption, context),
    );
  }

  hear(finding: Finding, subject: KubernetesObject | undefined): void {
    if (subject !== undefined && this.exemptions.some((each) => covers(each, subject, finding.container))) return;
    if ("unknown" in finding) {
      this.unknown ??= finding.unknown;
      return;
    }
    const container = finding.container === undefined ? "" : `, container '${finding.container}'`;
    this.report(
      subject === undefined ? finding.breach : `${subject.title}${container}: ${finding.breach}`,
      subject?.urn,
    );
  }

  /** The SDK answers the error that it threw when the value was read with an advisory note: the rule could not be run in this preview. */
  close(): void {
    if (this.unknown !== undefined) throw this.unknown.cause;
  }
}
