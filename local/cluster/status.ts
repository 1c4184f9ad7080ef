import { readFile } from "node:fs/promises";
import { addonStates, type AddonState } from "./addons";
import { connect, type Api } from "./api";
import { cgroupMemory } from "./cgroup";
import { controlPlaneCgroup, controlPlaneDirectory } from "./controlplane";
import { apiUrl, kubeconfigPath } from "./kubeconfig";
import { machine, programs, type ProgramState } from "./machine";
import { linkUp } from "./network";
import type { NodePlan, Plan } from "./plan";
import { readPlan } from "./slot";
import { nodeReadiness } from "./up";

export type NodeState = "ready" | "not ready" | "partitioned" | "stopped";

export interface NodeStatus {
  readonly name: string;
  readonly state: NodeState;
  /** Why it is not ready, where the API server knows. */
  readonly message?: string;
  readonly zone: string;
  readonly address: string;
  /** A process in the node's namespaces: `nsenter --target PID --net --mount --pid`. */
  readonly pid?: number;
  readonly memoryBytes?: number;
  readonly programs: readonly ProgramStatus[];
}

export interface ProgramStatus extends ProgramState {
  readonly memoryBytes?: number;
}

export interface ClusterStatus {
  readonly name: string;
  /** `absent`: never brought up, or taken down; `down`: its record is there, its control plane does not run. */
  readonly state: "up" | "degraded" | "down" | "absent";
  readonly kubeconfig?: string;
  readonly api?: { readonly url: string; readonly ready: boolean; readonly message?: string };
  readonly network?: string;
  /** Where the nodes are, and whence a NodePort's clients come as pods see them. */
  readonly nodeCidr?: string;
  /** On 127.0.0.1. */
  readonly nodePorts?: { readonly first: number; readonly last: number };
  readonly directory?: string;
  readonly controlPlane: { readonly memoryBytes?: number; readonly programs: readonly ProgramStatus[] };
  readonly nodes: readonly NodeStatus[];
  readonly addons: readonly AddonState[];
}

/** What of a cluster runs, asked of the machine and of its API server. */
export async function status(name: string): Promise<ClusterStatus> {
  const plan = await readPlan(name);
  if (!plan) return { name, state: "absent", controlPlane: { programs: [] }, nodes: [], addons: [] };
  const controlPlane = {
    ...optional("memoryBytes", await cgroupMemory(controlPlaneCgroup(plan))),
    programs: await programStatus(controlPlaneDirectory(plan)),
  };
  const running = (await machine(controlPlaneDirectory(plan))) !== undefined;
  const seen = running ? await askApi(plan) : { ready: false, message: "the control plane does not run" };
  const nodes = await Promise.all(plan.nodes.map((node) => nodeStatus(node, seen.nodes)));
  const addons = seen.addons ?? [];
  const whole =
    seen.ready &&
    nodes.every((node) => node.state === "ready") &&
    nodes.every((node) => node.programs.every((program) => program.pid !== undefined)) &&
    addons.every((addon) => addon.ready >= addon.wanted) &&
    controlPlane.programs.every((program) => program.pid !== undefined);
  return {
    name,
    state: whole ? "up" : running ? "degraded" : "down",
    kubeconfig: kubeconfigPath(name),
    api: { url: apiUrl(plan), ready: seen.ready, ...optional("message", seen.message) },
    network: plan.network,
    nodeCidr: plan.nodeCidr,
    nodePorts: plan.nodePorts,
    directory: plan.directory,
    controlPlane,
    nodes,
    addons,
  };
}

type Readiness = Awaited<ReturnType<typeof nodeReadiness>>;

interface Seen {
  readonly ready: boolean;
  readonly message?: string;
  readonly nodes?: Readiness;
  readonly addons?: readonly AddonState[];
}

async function askApi(plan: Plan): Promise<Seen> {
  let api: Api | undefined;
  try {
    api = await connect(plan);
    await api.text("/readyz");
    return { ready: true, nodes: await nodeReadiness(api), addons: await addonStates(api) };
  } catch (error) {
    return { ready: false, message: error instanceof Error ? error.message : String(error) };
  } finally {
    api?.close();
  }
}

async function nodeStatus(node: NodePlan, readiness: Readiness | undefined): Promise<NodeStatus> {
  const identity = await machine(node.directory);
  const seen = readiness?.get(node.name);
  const link = await linkUp(node);
  let state: NodeState = seen?.ready ? "ready" : "not ready";
  if (!identity) state = "stopped";
  else if (link === false) state = "partitioned";
  return {
    name: node.name,
    state,
    ...optional("message", state === "not ready" ? seen?.message : undefined),
    zone: node.zone,
    address: node.address,
    ...optional("pid", identity?.pid),
    ...optional("memoryBytes", await cgroupMemory(node.cgroup)),
    programs: await programStatus(node.directory),
  };
}

async function programStatus(directory: string): Promise<ProgramStatus[]> {
  const states = await programs(directory);
  return Promise.all(
    states.map(async (state) => ({ ...state, ...optional("memoryBytes", state.pid && (await resident(state.pid))) })),
  );
}

/** Resident memory of a process in bytes. */
async function resident(pid: number): Promise<number | undefined> {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8").catch(() => ""))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

/** A property that is there only when its value is. */
function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
