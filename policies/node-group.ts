import type { KubernetesObject } from "./object";
import prices from "./prices.json";
import { at, elements, show, Unknown, type Value } from "./value";

/** A group of equal nodes that the stack makes. */
export interface NodeGroup {
  readonly object: KubernetesObject;
  readonly type: string;
  /** Nodes that it begins with, and that it may grow to. */
  readonly usual: number;
  readonly most: number;
}

export interface NodeType {
  readonly cpu: string;
  readonly memory: string;
  /** US dollars a month. */
  readonly usd: number;
}

const TYPES: Readonly<Record<string, NodeType>> = prices.nodeTypes;

/** What a node of a type is, by `prices.json`; `undefined` when that does not have it. */
export const nodeType = (name: string): NodeType | undefined => TYPES[name];

const AWS_GROUP = "aws:eks/nodeGroup:NodeGroup";
const DO_CLUSTER = "digitalocean:index/kubernetesCluster:KubernetesCluster";
const DO_POOL = "digitalocean:index/kubernetesNodePool:KubernetesNodePool";

export const NODE_GROUP_TYPES: readonly string[] = [AWS_GROUP, DO_CLUSTER, DO_POOL];

/** The group of nodes that a resource makes; `undefined` when it is no such resource. */
export function nodeGroupOf(object: KubernetesObject): NodeGroup | Unknown | undefined {
  if (!NODE_GROUP_TYPES.includes(object.type)) return undefined;
  const { fields } = object;
  if (object.type === AWS_GROUP) {
    const scaling = at(fields, "scalingConfig");
    const types = at(fields, "instanceTypes");
    // EKS itself takes this one where none is named.
    const type = types instanceof Unknown ? types : (elements(types)[0] ?? "t3.medium");
    return group(object, type, at(scaling, "desiredSize") ?? at(scaling, "minSize"), at(scaling, "maxSize"));
  }
  const pool = object.type === DO_CLUSTER ? at(fields, "nodePool") : fields;
  const usual = at(pool, "nodeCount") ?? at(pool, "minNodes");
  return group(object, at(pool, "size"), usual, at(pool, "maxNodes") ?? usual);
}

function group(
  object: KubernetesObject,
  type: Value | undefined,
  usual: Value | undefined,
  most: Value | undefined,
): NodeGroup | Unknown {
  for (const part of [type, usual, most]) if (part instanceof Unknown) return part;
  const count = typeof usual === "number" ? usual : 1;
  return { object, type: show(type), usual: count, most: typeof most === "number" ? most : count };
}
