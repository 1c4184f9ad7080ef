import type {
  Policies,
  Policy,
  ReportViolation,
  ResourceValidationPolicy,
  StackValidationPolicy,
} from "@pulumi/policy";
import { concerns, covers, type Exemption, isExpired } from "./exemption";
import { remediateContainers } from "./remediation";
import { type Context, type Finding, FRAMEWORKS, inspect, type Rule, type StackRule } from "./rule";
import type { Unknown } from "./value";
import { type KubernetesObject, kindOf, objects, WORKLOAD_KINDS, workloads } from "./workload";

export interface PolicyOptions {
  readonly exemptions: readonly Exemption[];
  /** The day exemptions are judged by. */
  readonly today: () => string;
}

/** The rules as the SDK wants them. */
export function toPolicies(rules: readonly Rule[], options: PolicyOptions): Policies {
  return rules.map((rule) => (rule.scope === "stack" ? stackPolicy(rule, options) : resourcePolicy(rule, options)));
}

function policy(rule: Rule): Policy {
  const [{ framework, control }] = rule.references;
  const { version, url } = FRAMEWORKS[framework];
  return {
    name: rule.name,
    description: rule.description,
    severity: rule.severity,
    enforcementLevel: rule.level ?? "mandatory",
    framework: { name: framework, version, reference: url, specification: control },
    remediationSteps: rule.remediation,
    ...(rule.config === undefined ? {} : { configSchema: { properties: { ...rule.config } } }),
  };
}

function resourcePolicy(rule: Exclude<Rule, StackRule>, options: PolicyOptions): ResourceValidationPolicy {
  const remediate = rule.scope === "container" ? rule.remediate : undefined;
  return {
    ...policy(rule),
    validateResource: (args, report) => {
      if (!isWorkload(args.type)) args.notApplicable("Only workloads make pods");
      const context = contextOf(args.urn, args.getConfig());
      const judge = new Judge(rule, context, options, report);
      for (const workload of workloads(args)) {
        for (const finding of inspect(rule, workload, context)) judge.hear(finding, workload);
      }
      judge.close();
    },
    ...(remediate === undefined
      ? {}
      : {
          remediateResource: (args) => {
            if (!isWorkload(args.type)) args.notApplicable("Only workloads make pods");
            const kind = kindOf(args.type) ?? "";
            return remediateContainers(args.props, kind, remediate) ? args.props : undefined;
          },
        }),
  };
}

function stackPolicy(rule: StackRule, options: PolicyOptions): StackValidationPolicy {
  return {
    ...policy(rule),
    validateStack: (args, report) => {
      const context = contextOf(args.resources[0]?.urn ?? "", args.getConfig());
      const judge = new Judge(rule, context, options, report);
      const found = args.resources.flatMap((resource) => objects(resource, rule.kinds));
      for (const finding of rule.check(found, context)) judge.hear(finding, finding.subject);
      judge.close();
    },
  };
}

function isWorkload(type: string): boolean {
  const kind = kindOf(type);
  return kind !== undefined && WORKLOAD_KINDS.includes(kind);
}

/** `urn:pulumi:<stack>::<project>::<type>::<name>` */
function contextOf(urn: string, config: object): Context {
  const [head = "", project = ""] = urn.split("::");
  return { stack: head.split(":")[2] ?? "", project, config: config as Context["config"] };
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
