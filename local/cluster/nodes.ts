import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../progress";
import { writeWhole } from "./configuration";
import { controlPlaneDirectory } from "./controlplane";
import { requireFitHost } from "./host";
import { machine, programs, stopMachine } from "./machine";
import { cutBetween, droppedBetween, linkUp, mendBetween, setLink, unplug } from "./network";
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
  return change(cluster, name, progress, async (_plan, node) => {
    await runningPid(node);
    await setLink(node, "down");
  });
}

/** Puts the cable back. */
export function heal(cluster: string, name: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, async (_plan, node) => {
    await runningPid(node);
    await setLink(node, "up");
  });
}

/** Drops all that two nodes and their pods send to each other, both ways; everybody else still reaches both. */
export function cut(cluster: string, name: string, from: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, async (plan, node) =>
    cutBetween(await runningPid(node), findNode(plan, from)),
  );
}

/** Undoes {@link cut}. */
export function mend(cluster: string, name: string, from: string, progress: Progress): Promise<void> {
  return change(cluster, name, progress, async (plan, node) =>
    mendBetween(await runningPid(node), findNode(plan, from)),
  );
}

/** Packets that {@link cut} has dropped so far. */
export async function dropped(cluster: string, name: string, from: string): Promise<number> {
  const plan = await knownPlan(cluster);
  return droppedBetween(await runningPid(findNode(plan, name)), findNode(plan, from));
}

/**
 * Holds the API server still: its connections stay open, and nobody is answered.
 *
 * @param seconds after which it goes on by itself, whatever becomes of this process
 */
export async function pauseApiServer(cluster: string, seconds: number): Promise<void> {
  const pid = await apiServerPid(cluster);
  // Only the pause that is still on is ended by its time: not a later one, and not whatever has got the process's number since.
  const [mark, own] = [await pauseMark(cluster), randomUUID()];
  await writeWhole(mark, own);
  // Before the pause: a pause that nobody would end must not begin.
  const wait = 'sleep "$1"; if [ "$(cat "$2")" = "$3" ]; then kill -CONT "$4"; fi';
  const release = spawn("sh", ["-c", wait, "sh", String(Math.ceil(seconds)), mark, own, String(pid)], {
    detached: true,
    stdio: "ignore",
  });
  release.unref();
  process.kill(pid, "SIGSTOP");
}

export async function resumeApiServer(cluster: string): Promise<void> {
  await rm(await pauseMark(cluster), { force: true });
  process.kill(await apiServerPid(cluster), "SIGCONT");
}

/** Holds which pause is on. */
const pauseMark = async (cluster: string): Promise<string> =>
  join(controlPlaneDirectory(await knownPlan(cluster)), "api-server-paused");

async function apiServerPid(cluster: string): Promise<number> {
  const running = await programs(controlPlaneDirectory(await knownPlan(cluster)));
  const pid = running.find(({ name }) => name === "kube-apiserver")?.pid;
  if (pid === undefined) throw new Error(`the API server of cluster ${cluster} does not run`);
  return pid;
}

/** A process in the node's namespaces. */
async function runningPid(node: NodePlan): Promise<number> {
  const running = await machine(node.directory);
  if (!running) throw new Error(`node ${node.name} is stopped; start it first`);
  return running.pid;
}
