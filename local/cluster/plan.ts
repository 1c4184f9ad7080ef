import { createHash } from "node:crypto";
import { join } from "node:path";
import { cacheRoot } from "./cache.mjs";

/** Everything of a cluster that has a name, an address or a place: all of it follows from the cluster's name and its slot. */
export interface Plan {
  readonly name: string;
  /** One of `slots` shares of the machine's addresses and ports; no two clusters have the same. */
  readonly slot: number;
  /** Changes when the cluster's state is thrown away, so that what is left of an earlier one is told apart. */
  readonly generation: string;
  readonly directory: string;
  readonly bridge: string;
  /** The host on the cluster's network, where its control plane listens. */
  readonly hostAddress: string;
  readonly network: string;
  readonly nodeCidr: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
  /** Ports of 127.0.0.1 on which NodePorts answer, both included. */
  readonly nodePorts: { readonly first: number; readonly last: number };
  /** Links to the devices of its volumes, by node: in memory, and seen by the nodes as they stand here. */
  readonly devices: string;
  readonly nodes: readonly NodePlan[];
}

export interface NodePlan {
  readonly name: string;
  readonly zone: string;
  readonly directory: string;
  readonly address: string;
  readonly podCidr: string;
  readonly podGateway: string;
  /** The host's end of the node's cable. */
  readonly link: string;
  /** Below each controller's root. */
  readonly cgroup: string;
  readonly devices: string;
}

export const slots = 60;
const firstNodePort = 20_000;
const nodePortsPerSlot = 200;
export const mostNodes = 32;
export const apiPort = 6443;

/** The default name: the same for a checkout's path always, another for another path. */
export function clusterName(root: string): string {
  return `ballast-${digest(root)}`;
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 6);
}

/** @throws when the name cannot be one of a folder, a cgroup and a kubeconfig context */
export function checkName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name))
    throw new Error(
      `cluster name "${name}" is not valid: use 1 to 40 lower-case letters, digits and dashes, such as ballast-dev`,
    );
}

export function clustersDirectory(): string {
  return join(cacheRoot(), "clusters");
}

export function clusterDirectory(name: string): string {
  checkName(name);
  return join(clustersDirectory(), name);
}

/** The slot to try first. */
export function preferredSlot(name: string): number {
  return parseInt(digest(name), 16) % slots;
}

export function makePlan(name: string, slot: number, generation: string, nodes: number): Plan {
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > mostNodes)
    throw new Error(`nodes is ${nodes}; a cluster has 1 to ${mostNodes} worker nodes`);
  const directory = clusterDirectory(name);
  const prefix = `10.${64 + slot}`;
  const first = firstNodePort + slot * nodePortsPerSlot;
  // An interface's name has at most 15 characters, so it carries a digest of the cluster's name.
  const short = `bal${digest(name)}`;
  const devices = `/dev/ballast.${name}`;
  return {
    name,
    slot,
    generation,
    directory,
    bridge: short,
    hostAddress: `${prefix}.0.1`,
    network: `${prefix}.0.0/16`,
    nodeCidr: `${prefix}.0.0/24`,
    podCidr: `${prefix}.64.0/18`,
    serviceCidr: `${prefix}.128.0/20`,
    dnsAddress: `${prefix}.128.10`,
    nodePorts: { first, last: first + nodePortsPerSlot - 1 },
    devices,
    nodes: Array.from({ length: nodes }, (_, index) => ({
      name: `worker-${index + 1}`,
      zone: `zone-${String.fromCharCode("a".charCodeAt(0) + (index % 3))}`,
      directory: join(directory, "nodes", `worker-${index + 1}`),
      address: `${prefix}.0.${11 + index}`,
      podCidr: `${prefix}.${65 + index}.0/24`,
      podGateway: `${prefix}.${65 + index}.1`,
      link: `${short}n${index + 1}`,
      cgroup: `${name}/worker-${index + 1}`,
      devices: `${devices}/worker-${index + 1}`,
    })),
  };
}

export function findNode(plan: Plan, name: string): NodePlan {
  const node = plan.nodes.find((candidate) => candidate.name === name);
  if (node) return node;
  throw new Error(
    `cluster ${plan.name} has no node "${name}"; its nodes are ${plan.nodes.map((each) => each.name).join(", ")}`,
  );
}
