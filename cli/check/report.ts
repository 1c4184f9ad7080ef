/** What `ballast check` finds out, as plain data: `--json` prints it, and every other form is made from it. */
export interface CheckReport {
  /** What was compared with; absent when there is nothing to compare with. */
  readonly base?: BaseReport;
  /** Why there is no comparison, or why it may mislead. */
  readonly notes: readonly string[];
  /** By name. */
  readonly stacks: readonly StackReport[];
  /** Of the base, and no longer there. Empty when only some stacks were asked for. */
  readonly removedStacks: readonly string[];
}

export interface BaseReport {
  /** What was asked for: a branch, a tag, or the merge base of one. */
  readonly name: string;
  /** Full SHA. */
  readonly commit: string;
}

export type Result = "passed" | "violated" | "failed";

export interface StackReport {
  readonly stack: string;
  /** Relative to the checkout. */
  readonly file: string;
  readonly result: Result;
  /** Without components and providers. */
  readonly resources: number;
  /** Mandatory: the stack may not be deployed so. */
  readonly violations: readonly Finding[];
  readonly warnings: readonly Finding[];
  /** Why the program, or a policy pack on it, did not come to its end. */
  readonly errors: readonly string[];
  /** Absent when the program failed. */
  readonly demand?: Demand;
  readonly comparison?: Comparison;
}

export interface Finding {
  readonly policy: string;
  readonly pack: string;
  readonly severity?: string;
  /** Absent for what is wrong with the stack as a whole. */
  readonly urn?: string;
  readonly message: string;
}

/** What a stack asks its cluster for, every autoscaler at its most. */
export interface Demand {
  /** Pods of Deployments, StatefulSets and the like. */
  readonly replicas: number;
  /** Thousandths of a core. */
  readonly cpu: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes. */
  readonly storage: number;
  /** By the list prices of the policy pack; traffic is not in it. */
  readonly usdPerMonth: number;
  /** What is not in the sums, with the reason. */
  readonly uncounted: readonly string[];
}

export type Comparison =
  | { readonly kind: "new" }
  /** The base's own program fails. */
  | { readonly kind: "impossible"; readonly errors: readonly string[] }
  | { readonly kind: "compared"; readonly demand: Demand; readonly changes: readonly Change[] };

export interface Change {
  readonly kind: "added" | "changed" | "replaced" | "removed";
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly formerUrn?: string;
  readonly properties: readonly PropertyChange[];
}

/** Values as short text; what is secret or unknown says so. */
export interface PropertyChange {
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
  readonly replaces: boolean;
}

/** One for all stacks: that of the worst. */
export function worst(stacks: readonly StackReport[]): Result {
  if (stacks.some(({ result }) => result === "failed")) return "failed";
  return stacks.some(({ result }) => result === "violated") ? "violated" : "passed";
}

export const changesOf = ({ comparison }: StackReport): readonly Change[] =>
  comparison?.kind === "compared" ? comparison.changes : [];

/** `2 added, 1 replaced`; `no change`. */
export function counted(changes: readonly Change[]): string {
  const parts = (["added", "changed", "replaced", "removed"] as const).flatMap((kind) => {
    const count = changes.filter((change) => change.kind === kind).length;
    return count === 0 ? [] : [`${count} ${kind}`];
  });
  return parts.join(", ") || "no change";
}
