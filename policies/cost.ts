import { AUTOSCALER, Autoscalers } from "./autoscaler";
import { CLAIMING_KINDS } from "./claim";
import { volumesOf } from "./demand";
import { NODE_GROUP_TYPES, nodeGroupOf, nodeType } from "./node-group";
import type { KubernetesObject } from "./object";
import prices from "./prices.json";
import { UNIT } from "./quantity";
import { at, show, Unknown } from "./value";

const GIBIBYTE = Number(UNIT) * 1024 ** 3;
const RESOURCES: Readonly<Record<string, number>> = prices.resources;
const PROVISIONERS: Readonly<Record<string, number>> = prices.gibibyte.provisioners;
const STORAGE_CLASSES: Readonly<Record<string, number>> = prices.gibibyte.storageClasses;

/** One thing that is paid for. */
export interface CostItem {
  readonly object: KubernetesObject;
  /** `3 × m6i.large`, `3 × 500 GiB of gp3`. */
  readonly what: string;
  /** US dollars a month. */
  readonly usd: number;
}

export interface Projection {
  readonly items: readonly CostItem[];
  /** US dollars a month. */
  readonly total: number;
  /** What `prices.json` has no price of. */
  readonly unpriced: readonly { readonly object: KubernetesObject; readonly what: string }[];
  readonly unknown: readonly { readonly object: KubernetesObject; readonly part: Unknown }[];
}

/** Kinds and types that {@link projectedCost} reads. */
export const COST_KINDS: readonly string[] = [
  ...CLAIMING_KINDS,
  ...NODE_GROUP_TYPES,
  ...Object.keys(RESOURCES),
  "StorageClass",
  "Service",
  AUTOSCALER,
];

/** What a stack costs a month, by the list prices of `prices.json`; traffic, requests and support are not in it. */
export function projectedCost(objects: readonly KubernetesObject[]): Projection {
  const items: CostItem[] = [];
  const unpriced: { object: KubernetesObject; what: string }[] = [];
  const unknown: { object: KubernetesObject; part: Unknown }[] = [];
  const autoscalers = new Autoscalers(objects);
  const classes = new Map(objects.filter(({ kind }) => kind === "StorageClass").map((each) => [each.name, each]));

  for (const object of objects) {
    const fixed = RESOURCES[object.type];
    if (fixed !== undefined) items.push({ object, what: object.kind, usd: fixed });
    if (isHighlyAvailable(object)) {
      items.push({ object, what: "highly available control plane", usd: prices.highlyAvailableControlPlane });
    }
    const group = nodeGroupOf(object);
    if (group instanceof Unknown) unknown.push({ object, part: group });
    else if (group !== undefined) {
      const price = nodeType(group.type)?.usd;
      if (price === undefined) unpriced.push({ object, what: `node type '${group.type}'` });
      else items.push({ object, what: `${group.usual} × ${group.type}`, usd: group.usual * price });
    }
    if (object.kind === "Service") {
      const type = at(object.fields, "spec", "type");
      if (type instanceof Unknown) unknown.push({ object, part: type });
      else if (type === "LoadBalancer") items.push({ object, what: "load balancer", usd: prices.loadBalancer });
    }
    if (CLAIMING_KINDS.includes(object.kind)) {
      for (const volume of volumesOf(object, autoscalers)) {
        if (volume instanceof Unknown) {
          unknown.push({ object, part: volume });
          continue;
        }
        const name = at(volume.claim.spec, "storageClassName");
        if (name instanceof Unknown) {
          unknown.push({ object, part: name });
          continue;
        }
        const price = priceOfClass(show(name), classes);
        const size = Math.ceil(Number(volume.size) / GIBIBYTE);
        if (price === undefined) unpriced.push({ object, what: `storage class '${show(name)}'` });
        else {
          const what = `${volume.count} × ${size} GiB of ${show(name)}`;
          items.push({ object, what, usd: volume.count * size * price });
        }
      }
    }
  }
  return { items, total: items.reduce((sum, { usd }) => sum + usd, 0), unpriced, unknown };
}

function isHighlyAvailable({ type, fields }: KubernetesObject): boolean {
  return type === "digitalocean:index/kubernetesCluster:KubernetesCluster" && at(fields, "ha") === true;
}

function priceOfClass(name: string, classes: ReadonlyMap<string, KubernetesObject>): number | undefined {
  const declared = classes.get(name);
  const provisioner = declared === undefined ? undefined : at(declared.fields, "provisioner");
  return (typeof provisioner === "string" ? PROVISIONERS[provisioner] : undefined) ?? STORAGE_CLASSES[name];
}
