import type { Progress } from "../progress";
import { requireFitHost } from "./host";
import { machine, stopMachine } from "./machine";
import { linkUp, setLink, unplug } from "./network";
import { ensureHostPrograms } from "./packages";
import { findNode, type NodePlan, type Plan } from "./plan";
import { ensureToolchain } from "./toolchain/build";
import { clusterLock, knownPlan } from "./up";
import { ensureWorker } from "./workers";

async function change(
  cluster: string,
  name: string,
  progress: Progress,
  work: (plan: Plan, node: NodePlan) => Promise<void>,
): Promise<void> {
  requireFitHost();
  await clusterLock(
    cluster,
    async () => {
      const plan = await knownPlan(cluster);
      await work(plan, findNode(plan, name));
    },
    progress,
  );
}

/** As a loss of power: every process, mount and interface of the node is gone at once. A stopped node stays stopped. */
export function stop(cluster: string, name: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, async (_plan, node) => {
    // Without power nobody says good-bye: the kernel must not close the node's connections where others see it.
    if ((await linkUp(node)) !== undefined) await setLink(node, "down");
    await stopMachine(node.directory);
    await unplug(node);
  });
}

/** Starts a stopped node; returns when its kubelet starts, before it is Ready. */
export function start(cluster: string, name: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, async (plan, node) => {
    const toolchain = await ensureToolchain(progress);
    const keeper = await toolchain.binary("keeper");
    await ensureWorker(plan, node, {
      toolchain: toolchain.directory,
      keeper,
      host: await ensureHostPrograms(progress),
    });
  });
}

/** Pulls the node's network cable: it and its pods go on, and nobody reaches them. */
export function partition(cluster: string, name: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, (_plan, node) => cable(node, "down"));
}

/** Puts the cable back. */
export function heal(cluster: string, name: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, (_plan, node) => cable(node, "up"));
}

async function cable(node: NodePlan, state: "up" | "down"): Promise<void> {
  if (!(await machine(node.directory))) throw new Error(`node ${node.name} is stopped; start it first`);
  await setLink(node, state);
}
