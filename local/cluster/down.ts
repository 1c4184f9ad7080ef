import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../progress";
import { removeCgroup } from "./cgroup";
import { controlPlaneDirectory } from "./controlplane";
import { requireFitHost } from "./host";
import { stopMachine } from "./machine";
import { removeNetwork } from "./network";
import { clusterDirectory, makePlan, mostNodes, type Plan } from "./plan";
import { readPlan } from "./slot";
import { clusterLock } from "./up";
import { detachVolumes } from "./volumes";
import { clearNode } from "./workers";

export interface DownOptions {
  readonly name: string;
  /** Remove the nodes' image stores too; they only save time at the next start. @default false */
  readonly purge?: boolean;
}

/** Takes a cluster down with all its data. No process, mount, device, interface, route or cgroup of it is left. */
export async function down(options: DownOptions, progress: Progress): Promise<void> {
  requireFitHost();
  const directory = clusterDirectory(options.name);
  await clusterLock(
    options.name,
    () =>
      progress.task(`Stop cluster ${options.name}`, async () => {
        const plan = await anyPlan(options.name);
        await Promise.all([controlPlaneDirectory(plan), ...plan.nodes.map((node) => node.directory)].map(stopMachine));
        await removeNetwork(plan);
        await removeCgroup(plan.name);
        await detachVolumes(directory, plan.devices);
        if (options.purge) {
          await rm(directory, { recursive: true, force: true });
          return;
        }
        await Promise.all(plan.nodes.map(clearNode));
        for (const entry of await readdir(directory).catch(() => []))
          if (entry !== "nodes") await rm(join(directory, entry), { recursive: true, force: true });
      }),
    progress,
  );
}

/** Names of processes, links and groups follow from the cluster's name, so a lost or broken record does not keep them. */
async function anyPlan(name: string): Promise<Plan> {
  const plan = await readPlan(name).catch(() => undefined);
  return plan ?? makePlan(name, 0, "", mostNodes);
}
