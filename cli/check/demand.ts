import type { ResourceState } from "../../local/engine/state/store";
import { isMap, type PropertyMap, type PropertyValue, revealSecrets, Unknown } from "../../local/engine/values";
import { AUTOSCALER, Autoscalers } from "../../policies/autoscaler";
import { environmentNamed, environmentOf, RESOURCES } from "../../policies/ceilings";
import { CLAIMING_KINDS } from "../../policies/claim";
import { COST_KINDS, projectedCost } from "../../policies/cost";
import { ofPod, podsOf, volumesOf } from "../../policies/demand";
import { NODE_GROUP_TYPES, nodeGroupOf } from "../../policies/node-group";
import { type KubernetesObject, objects } from "../../policies/object";
import { UNIT } from "../../policies/quantity";
import { Unknown as Hidden } from "../../policies/value";
import { toWorkload, WORKLOAD_KINDS } from "../../policies/workload";
import type { Demand } from "./report";

const KINDS = [...new Set([...COST_KINDS, ...WORKLOAD_KINDS, ...CLAIMING_KINDS, ...NODE_GROUP_TYPES, AUTOSCALER])];

/** Sums up a stack by the policy pack's own functions, so that what is shown is what its rules judge. */
export function demandOf(stack: string, resources: readonly ResourceState[]): Demand {
  const found = resources.flatMap((resource) => objects(asSeen(resource), KINDS));
  const autoscalers = new Autoscalers(found);
  const nodes = nodesOf(found) ?? environmentOf(environmentNamed(stack))?.nodes.count ?? 1;
  const sums = { replicas: 0, cpu: 0n, memory: 0n, storage: 0n };
  const uncounted = new Set<string>();
  for (const object of found) {
    if (WORKLOAD_KINDS.includes(object.kind)) {
      const [pods, pod] = [podsOf(object, autoscalers, nodes), ofPod(toWorkload(object), "requests")];
      if (pods instanceof Hidden || pod instanceof Hidden) uncounted.add(`${object.title}: its pods are not known yet`);
      else {
        sums.replicas += pods;
        for (const resource of RESOURCES) sums[resource] += pod[resource] * BigInt(pods);
      }
    }
    if (!CLAIMING_KINDS.includes(object.kind)) continue;
    for (const volume of volumesOf(object, autoscalers)) {
      if (volume instanceof Hidden) uncounted.add(`${object.title}: its volumes are not known yet`);
      else sums.storage += volume.size * BigInt(volume.count);
    }
  }
  const { total, unpriced, unknown } = projectedCost(found);
  for (const { object, what } of unpriced) uncounted.add(`${object.title}: the price of ${what} is not known`);
  for (const { object } of unknown) uncounted.add(`${object.title}: what it costs is not known yet`);
  return {
    replicas: sums.replicas,
    cpu: Number((sums.cpu * 1000n) / UNIT),
    memory: Number(sums.memory / UNIT),
    storage: Number(sums.storage / UNIT),
    usdPerMonth: Math.round(total * 100) / 100,
    uncounted: [...uncounted].sort(),
  };
}

/** Nodes that the stack itself makes, at their most; `undefined` where it makes none, or that cannot be told. */
function nodesOf(found: readonly KubernetesObject[]): number | undefined {
  const groups = found.map(nodeGroupOf).filter((group) => group !== undefined);
  if (groups.length === 0) return undefined;
  return groups.reduce<number | undefined>(
    (sum, group) => (sum === undefined || group instanceof Hidden ? undefined : sum + group.most),
    0,
  );
}

/** A resource as policies get it: reading what is not known yet throws. */
function asSeen({ urn, type, inputs, protect }: ResourceState): Parameters<typeof objects>[0] {
  const props = guarded(revealSecrets(inputs));
  return {
    urn,
    type,
    name: urn.split("::").at(-1) ?? urn,
    props: props as object,
    opts: { protect: protect === true },
  };
}

function guarded(value: PropertyValue): unknown {
  if (Array.isArray(value) || isMap(value)) {
    const copy: object = Array.isArray(value) ? [] : {};
    for (const [key, part] of Object.entries(value as PropertyMap)) {
      if (part instanceof Unknown) Object.defineProperty(copy, key, { enumerable: true, get: refuse });
      else Object.defineProperty(copy, key, { enumerable: true, value: guarded(part) });
    }
    return copy;
  }
  return typeof value === "object" ? undefined : value;
}

function refuse(): never {
  throw new Error("it is not known in a preview");
}
