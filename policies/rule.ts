import type { Severity } from "@pulumi/policy";
import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema";
import type { Unknown } from "./value";
import type { Container, KubernetesObject, Role, Workload } from "./workload";

/** A place in a published framework that asks for what a rule checks. */
export interface Reference {
  readonly framework: keyof typeof FRAMEWORKS;
  /** Number or title of the control in that framework. */
  readonly control: string;
}

export const FRAMEWORKS = {
  "CIS Kubernetes Benchmark": { version: "1.11", url: "https://www.cisecurity.org/benchmark/kubernetes" },
  "NSA/CISA Kubernetes Hardening Guide": {
    version: "1.2",
    url: "https://media.defense.gov/2022/Aug/29/2003066362/-1/-1/0/CTR_KUBERNETES_HARDENING_GUIDANCE_1.2_20220829.PDF",
  },
  "Pod Security Standards": {
    version: "v1.34",
    url: "https://kubernetes.io/docs/concepts/security/pod-security-standards/",
  },
  "Kubernetes documentation": { version: "v1.34", url: "https://kubernetes.io/docs/" },
} as const;

/** What a check found: a breach of the rule, or something that only a deployment can tell. */
export type Finding =
  | { readonly breach: string; readonly container?: string; readonly subject?: KubernetesObject }
  | { readonly unknown: Unknown; readonly container?: string; readonly subject?: KubernetesObject };

export interface Context {
  /** Names of the project and the stack, from the URN. */
  readonly project: string;
  readonly stack: string;
  /** The rule's own configuration. */
  readonly config: Readonly<Record<string, unknown>>;
}

interface Description {
  /** Identifies the rule in configuration and exemptions; also the name of its file. */
  readonly name: string;
  /** One sentence: what holds when the rule is kept. */
  readonly description: string;
  readonly severity: Severity;
  /** @default "mandatory" */
  readonly level?: "advisory" | "mandatory";
  /** The first is reported to Pulumi as the policy's framework; all are in the catalogue. */
  readonly references: readonly [Reference, ...Reference[]];
  /** What to do about a breach. */
  readonly remediation: string;
  readonly config?: Readonly<Record<string, PolicyConfigJSONSchema>>;
}

/** Checked on each container whose role is selected. */
export interface ContainerRule extends Description {
  readonly scope: "container";
  readonly roles: readonly Role[];
  /** Leaves out whole workloads. @default all are checked */
  selects?(workload: Workload): boolean;
  check(container: Container, workload: Workload, context: Context): Iterable<Finding>;
  /**
   * Where the fix is safe to make unasked: sets it on the container's own properties, as the SDK gave them. Runs only for those who
   * configure the rule's enforcement level as `remediate`. Returns whether anything was changed.
   */
  remediate?: (container: Record<string, unknown>) => boolean;
}

/** Checked once a workload. */
export interface WorkloadRule extends Description {
  readonly scope: "workload";
  check(workload: Workload, context: Context): Iterable<Finding>;
}

/** Checked on the Kubernetes objects of the stack together, each finding naming its `subject`. */
export interface StackRule extends Description {
  readonly scope: "stack";
  /** Kinds of the objects that the check reads. */
  readonly kinds: readonly string[];
  check(objects: readonly KubernetesObject[], context: Context): Iterable<Finding>;
}

export type Rule = ContainerRule | WorkloadRule | StackRule;

/** Containers that run beside the workload for as long as it does. */
export const LONG_RUNNING: readonly Role[] = ["main", "sidecar"];
/** Those that may have resources: the API forbids them on ephemeral containers. */
export const SIZED: readonly Role[] = ["main", "sidecar", "init"];
export const ALL: readonly Role[] = ["main", "sidecar", "init", "ephemeral"];

/** The findings of a rule on one workload. A part that hides containers is a finding of every rule on containers. */
export function* inspect(rule: ContainerRule | WorkloadRule, workload: Workload, context: Context): Generator<Finding> {
  if (rule.scope === "workload") {
    yield* rule.check(workload, context);
    return;
  }
  if (rule.selects?.(workload) === false) return;
  for (const container of workload.containers) {
    if (!rule.roles.includes(container.role)) continue;
    for (const finding of rule.check(container, workload, context)) yield { ...finding, container: container.name };
  }
  for (const unknown of workload.hidden) yield { unknown };
}
