import { type Autoscalers } from "./autoscaler";
import { type Resource, RESOURCES } from "./ceilings";
import { type Claim, claimsOf } from "./claim";
import type { KubernetesObject } from "./object";
import { parseQuantity, UNIT } from "./quantity";
import { at, Unknown, type Value } from "./value";
import type { Container, Workload } from "./workload";

/** Amounts as {@link parseQuantity} counts them. */
export type Amounts = Readonly<Record<Resource, bigint>>;

export const NOTHING: Amounts = { cpu: 0n, memory: 0n };
export const add = (left: Amounts, right: Amounts): Amounts => ({
  cpu: left.cpu + right.cpu,
  memory: left.memory + right.memory,
});
export const times = (amounts: Amounts, count: number): Amounts => ({
  cpu: amounts.cpu * BigInt(count),
  memory: amounts.memory * BigInt(count),
});
const most = (left: Amounts, right: Amounts): Amounts => ({
  cpu: left.cpu > right.cpu ? left.cpu : right.cpu,
  memory: left.memory > right.memory ? left.memory : right.memory,
});

/** A quantity; nothing for what is none, which is for other rules to say. */
export const amountOf = (value: Value | undefined): bigint =>
  (typeof value === "string" || typeof value === "number" ? parseQuantity(value) : undefined) ?? 0n;

function ofContainer({ spec }: Container, kind: "requests" | "limits"): Amounts | Unknown {
  const amounts = { ...NOTHING };
  for (const resource of RESOURCES) {
    const value = at(spec, "resources", kind, resource);
    if (value instanceof Unknown) return value;
    amounts[resource] = amountOf(value);
  }
  return amounts;
}

/**
 * What one pod asks for: its containers and sidecars together, or what one of its init containers needs beside the sidecars that started
 * before it, where that is more.
 */
export function ofPod(workload: Workload, kind: "requests" | "limits"): Amounts | Unknown {
  const [hidden] = workload.hidden;
  if (hidden !== undefined) return hidden;
  let running = NOTHING;
  let starting = NOTHING;
  for (const container of workload.containers) {
    if (container.role === "ephemeral") continue;
    const amounts = ofContainer(container, kind);
    if (amounts instanceof Unknown) return amounts;
    if (container.role === "init") starting = most(starting, add(running, amounts));
    else running = add(running, amounts);
  }
  return most(running, starting);
}

/** How many pods of a workload there may be at once, in a cluster of `nodes` nodes. */
export function podsOf(workload: KubernetesObject, autoscalers: Autoscalers, nodes: number): number | Unknown {
  const { kind, fields } = workload;
  if (kind === "DaemonSet") return nodes;
  if (kind === "PodTemplate") return 0;
  if (kind === "Pod") return 1;
  if (kind !== "Job" && kind !== "CronJob") return autoscalers.most(workload);
  const parallel = at(fields, ...(kind === "Job" ? [] : ["spec", "jobTemplate"]), "spec", "parallelism");
  if (parallel instanceof Unknown) return parallel;
  return typeof parallel === "number" ? parallel : 1;
}

/** How much an object's volumes hold in all, one by one: each claim, how many there are of it, and its size in units of a byte. */
export function* volumesOf(
  object: KubernetesObject,
  autoscalers: Autoscalers,
): Generator<{ readonly claim: Claim; readonly count: number; readonly size: bigint } | Unknown> {
  const count = object.kind === "StatefulSet" ? autoscalers.most(object) : 1;
  for (const claim of claimsOf(object)) {
    const size = claim instanceof Unknown ? claim : at(claim.spec, "resources", "requests", "storage");
    if (claim instanceof Unknown) yield claim;
    else if (size instanceof Unknown) yield size;
    else if (count instanceof Unknown) yield count;
    else yield { claim, count, size: amountOf(size) };
  }
}

const STEPS = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

/** An amount for a message: `2500m`, `3`, `12Gi`. */
export function format(resource: Resource | "storage", amount: bigint): string {
  if (resource === "cpu") {
    const thousandths = (amount * 1000n + UNIT - 1n) / UNIT;
    return thousandths % 1000n === 0n ? String(thousandths / 1000n) : `${thousandths}m`;
  }
  let value = Number(amount / UNIT);
  let step = 0;
  while (value >= 1024 && step < STEPS.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${Math.round(value * 100) / 100}${STEPS[step]}`;
}
