import type { Severity } from "@pulumi/policy";
import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema";
import type { KubernetesObject } from "./object";
import type { Unknown } from "./value";
import type { Container, Role, Workload } from "./workload";

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
  "Gateway API documentation": { version: "v1", url: "https://gateway-api.sigs.k8s.io/" },
  "Helm documentation": { version: "v3", url: "https://helm.sh/docs/" },
  "Pulumi documentation": { version: "v3", url: "https://www.pulumi.com/docs/" },
  "FinOps Framework": { version: "2025", url: "https://www.finops.org/framework/" },
} as const;

/** What a check found: a breach of the rule, or something that only a deployment can tell. */
export type Finding =
  | { readonly breach: string; readonly container?: string; readonly subject?: KubernetesObject }
  | { readonly unknown: Unknown; readonly container?: string; readonly subject?: KubernetesObject };

export interface Context {
  /** Names of the project and the stack, from the URN. */
  readonly project: string;
  readonly stack: string;
  /** Environment whose numbers count: the rule's setting `environment`, else the one that the stack's name stands for. */
  readonly environment: string;
  /** The rule's own configuration. */
  readonly config: Readonly<Record<string, unknown>>;
}

interface Description {
  /** Identifies the rule in configuration and exemptions; also the name of its file. */
  readonly name: string;
  /** One sentence: what holds when the rule is kept. */
  readonly description: string;
  readonly severity: Severity;
  /** The first is reported to Pulumi as the policy's framework; all are in the catalogue. */
  readonly references: readonly [Reference, ...Reference[]];
  /** What to do about a breach. */
  readonly remediation: string;
  readonly config?: Readonly<Record<string, PolicyConfigJSONSchema>>;
}

/** Properties as the SDK gives them to a remediation, to be changed in place: that is how it keeps secrets secret. */
export type Properties = Record<string, unknown>;

/**
 * Where the fix is safe to make unasked: makes it. Runs only for those who configure the rule's enforcement level as `remediate`. Returns
 * whether anything was changed.
 */
type Remediation = (part: Properties) => boolean;

/** Checked on each container whose role is selected. */
export interface ContainerRule extends Description {
  readonly scope: "container";
  readonly roles: readonly Role[];
  /** Leaves out whole workloads. @default all are checked */
  selects?(workload: Workload): boolean;
  check(container: Container, workload: Workload, context: Context): Iterable<Finding>;
  /** Is given each container. */
  readonly remediate?: Remediation;
}

/** Checked once a workload. */
export interface WorkloadRule extends Description {
  readonly scope: "workload";
  check(workload: Workload, context: Context): Iterable<Finding>;
  /** Is given the pod's spec. */
  readonly remediate?: Remediation;
}

/** Checked on each object whose kind is among `kinds`. */
export interface ObjectRule extends Description {
  readonly scope: "object";
  /** Kinds, types of resources that are no Kubernetes objects, or `ANY_OBJECT`. */
  readonly kinds: readonly string[];
  check(object: KubernetesObject, context: Context): Iterable<Finding>;
  /** Is given the object. */
  readonly remediate?: Remediation;
}

/** Checked on the objects of the stack together, each finding naming its `subject`. */
export interface StackRule extends Description {
  readonly scope: "stack";
  /** Those that the check reads: kinds, or types of resources that are no Kubernetes objects. */
  readonly kinds: readonly string[];
  check(objects: readonly KubernetesObject[], context: Context): Iterable<Finding>;
}

export type Rule = ContainerRule | WorkloadRule | ObjectRule | StackRule;

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
