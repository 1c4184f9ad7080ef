import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ctr, type Runtime } from "./images";
import { kill, identify } from "./identity";
import { machine, programs, runs, startMachine, stopMachine, type MachineSpec } from "./machine";
import { connected, connectNode, linkUp, setLink } from "./network";
import { kubeletGate, worker } from "./node";
import type { HostPrograms } from "./packages";
import type { NodePlan, Plan } from "./plan";
import { until } from "./until";
import { detachVolumes } from "./volumes";

/** Programs that a cluster is made of. */
export interface Tools {
  readonly toolchain: string;
  readonly keeper: string;
  readonly host: HostPrograms;
}

/** Brings a worker up to the start of its kubelet, or finds it so. */
export async function ensureWorker(plan: Plan, node: NodePlan, tools: Tools): Promise<Runtime> {
  const fresh = (await generationOf(node)) !== plan.generation;
  if (fresh) {
    await stopMachine(node.directory);
    await clearNode(node);
  }
  const spec = await worker(plan, node, tools.toolchain, tools.host);
  const pid = await ensureMachine(plan, node, tools.keeper, spec);
  const runtime: Runtime = { node, pid, ctr: tools.host.ctr };
  await containerdReady(runtime);
  if (fresh) {
    await forgetContainers(runtime);
    await writeFile(generationFile(node), plan.generation, { mode: 0o600 });
  }
  await writeFile(`/proc/${pid}/root${kubeletGate}`, "");
  return runtime;
}

async function ensureMachine(plan: Plan, node: NodePlan, keeper: string, spec: MachineSpec): Promise<number> {
  const running = (await runs(keeper, spec)) ? await machine(node.directory) : undefined;
  const link = running && (await linkUp(node));
  // A start that was interrupted before the cable was in, and its routes set, is begun anew.
  if (running && link !== undefined && (await connected(running.pid))) {
    if (!link) await setLink(node, "up");
    return running.pid;
  }
  const { pid } = await startMachine(keeper, spec);
  await connectNode(plan, node, pid);
  return pid;
}

const generationFile = (node: NodePlan) => join(node.directory, "generation");

function generationOf(node: NodePlan): Promise<string | undefined> {
  return readFile(generationFile(node), "utf8").catch(() => undefined);
}

/** Removes what a node has of an earlier cluster's state; its images stay. */
export async function clearNode(node: NodePlan): Promise<void> {
  await detachVolumes(node.directory, node.devices);
  for (const name of ["generation", "kubelet", "log", "cni", "volumes", "config", "logs", "machine.json", "state.json"])
    await rm(join(node.directory, name), { recursive: true, force: true });
}

async function containerdReady(runtime: Runtime): Promise<void> {
  await until(`containerd of ${runtime.node.name} answers`, 60, () => ctr(runtime, "version"), {
    why: () => lastLines(join(runtime.node.directory, "logs", "containerd.log")),
  });
}

/** The runtime's store is kept for its images; containers in it are of a cluster that is no more. */
async function forgetContainers(runtime: Runtime): Promise<void> {
  const containers = (await ctr(runtime, "containers", "ls", "-q")).split("\n").filter(Boolean);
  if (containers.length === 0) return;
  await ctr(runtime, "containers", "rm", ...containers);
  // The runtime's CRI part read them at its start; the keeper starts it again.
  const pid = (await programs(runtime.node.directory)).find(({ name }) => name === "containerd")?.pid;
  if (pid !== undefined) await kill(await identify(pid));
  await containerdReady(runtime);
}

/** The running runtimes among a cluster's nodes. */
export async function runtimes(plan: Plan, ctrProgram: string): Promise<Runtime[]> {
  const found = await Promise.all(
    plan.nodes.map(async (node) => ({ node, identity: await machine(node.directory), ctr: ctrProgram })),
  );
  return found.flatMap(({ identity, ...rest }) => (identity ? [{ ...rest, pid: identity.pid }] : []));
}

export async function lastLines(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim().split("\n").slice(-3).join("\n");
}
