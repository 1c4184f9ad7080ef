import { AUTOSCALER, Autoscalers } from "../autoscaler";
import { environmentOf, RESOURCES } from "../ceilings";
import { CLAIMING_KINDS } from "../claim";
import { amountOf, format, ofPod, podsOf, volumesOf } from "../demand";
import type { KubernetesObject } from "../object";
import { UNIT } from "../quantity";
import type { Context, Finding, StackRule } from "../rule";
import { at, isMap, show, Unknown } from "../value";
import { toWorkload, WORKLOAD_KINDS } from "../workload";

/** What the objects of one namespace ask for, by the names that quotas have for it. */
class Demand {
  readonly sums = new Map<string, bigint>();
  readonly unknown = new Map<string, Unknown>();
  private readonly largest = new Map<string, { readonly title: string; readonly amount: bigint }>();

  add(name: string, amount: bigint, object: KubernetesObject): void {
    this.sums.set(name, (this.sums.get(name) ?? 0n) + amount);
    const known = this.largest.get(name);
    if (known === undefined || known.amount < amount) this.largest.set(name, { title: object.title, amount });
  }

  hide(names: readonly string[], part: Unknown): void {
    for (const name of names) if (!this.unknown.has(name)) this.unknown.set(name, part);
  }

  most(name: string): string {
    return this.largest.get(name)?.title ?? "";
  }
}

const POD_NAMES = ["pods", ...["requests", "limits"].flatMap((kind) => RESOURCES.map((each) => `${kind}.${each}`))];
const STORAGE_NAMES = ["requests.storage", "persistentvolumeclaims"];
/** Quotas may leave the first part of a request's name away. */
const SHORT: Readonly<Record<string, string>> = {
  cpu: "requests.cpu",
  memory: "requests.memory",
  "count/pods": "pods",
};

function demandOf(objects: readonly KubernetesObject[], nodes: number): ReadonlyMap<string, Demand> {
  const autoscalers = new Autoscalers(objects);
  const demands = new Map<string, Demand>();
  for (const object of objects) {
    if (object.namespace instanceof Unknown) continue;
    const demand = demands.get(object.namespace) ?? new Demand();
    demands.set(object.namespace, demand);
    if (WORKLOAD_KINDS.includes(object.kind)) addPods(demand, object, podsOf(object, autoscalers, nodes));
    if (!CLAIMING_KINDS.includes(object.kind)) continue;
    for (const volume of volumesOf(object, autoscalers)) {
      if (volume instanceof Unknown) demand.hide(STORAGE_NAMES, volume);
      else {
        demand.add("requests.storage", volume.size * BigInt(volume.count), object);
        demand.add("persistentvolumeclaims", BigInt(volume.count) * UNIT, object);
      }
    }
  }
  return demands;
}

function addPods(demand: Demand, object: KubernetesObject, count: number | Unknown): void {
  if (count instanceof Unknown) {
    demand.hide(POD_NAMES, count);
    return;
  }
  demand.add("pods", BigInt(count) * UNIT, object);
  const workload = toWorkload(object);
  for (const kind of ["requests", "limits"] as const) {
    const amounts = ofPod(workload, kind);
    for (const resource of RESOURCES) {
      if (amounts instanceof Unknown) demand.hide([`${kind}.${resource}`], amounts);
      else demand.add(`${kind}.${resource}`, amounts[resource] * BigInt(count), object);
    }
  }
}

function shown(name: string, amount: bigint): string {
  if (name.endsWith(".cpu")) return format("cpu", amount);
  return name.includes(".") ? format("memory", amount) : String(amount / UNIT);
}

function* checkQuota(quota: KubernetesObject, demand: Demand): Generator<Finding> {
  const hard = at(quota.fields, "spec", "hard");
  if (hard instanceof Unknown) yield { subject: quota, unknown: hard };
  for (const [written, limit] of Object.entries(isMap(hard) ? hard : {})) {
    const name = SHORT[written] ?? written;
    const wanted = demand.sums.get(name) ?? 0n;
    const unknown = limit instanceof Unknown ? limit : demand.unknown.get(name);
    if (!(limit instanceof Unknown) && wanted > amountOf(limit)) {
      yield {
        subject: quota,
        breach:
          `hard '${written}' is ${show(limit)}, and the stack's objects in namespace '${show(quota.namespace)}' need ` +
          `${shown(name, wanted)} at their most, ${demand.most(name)} the most of it; raise it or lower what they ask for`,
      };
    } else if (unknown !== undefined) yield { subject: quota, unknown };
  }
}

export const quotaFits: StackRule = {
  name: "quota-fits",
  description:
    "What the stack puts into a namespace fits its ResourceQuota, with every autoscaler at its most: a pod beyond it would never start.",
  severity: "high",
  references: [{ framework: "Kubernetes documentation", control: "Resource Quotas" }],
  remediation:
    "Raise the quota after checking that the nodes can hold it, or lower replicas, requests, limits or volumes.",
  scope: "stack",
  kinds: [...new Set([...WORKLOAD_KINDS, ...CLAIMING_KINDS, "ResourceQuota", AUTOSCALER])],
  *check(objects, { environment }: Context) {
    const quotas = objects.filter(({ kind }) => kind === "ResourceQuota");
    if (quotas.length === 0) return;
    const demands = demandOf(objects, environmentOf(environment)?.nodes.count ?? 1);
    for (const quota of quotas) {
      // One with a scope counts only some pods.
      const isScoped = ["scopes", "scopeSelector"].some((field) => at(quota.fields, "spec", field) !== undefined);
      if (quota.namespace instanceof Unknown) yield { subject: quota, unknown: quota.namespace };
      else if (!isScoped) yield* checkQuota(quota, demands.get(quota.namespace) ?? new Demand());
    }
  },
};
