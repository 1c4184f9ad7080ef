import { imageArchive } from "../images";
import type { Progress } from "../progress";
import { requireFitHost } from "./host";
import { loadInto } from "./images";
import { ensureHostPrograms } from "./packages";
import { knownPlan } from "./up";
import { runtimes } from "./workers";

export { existingCluster } from "./existing";
export { hostUnfit } from "./host";
export { cacheRoot } from "./cache.mjs";
export { kubeconfigPath } from "./kubeconfig";
export { findProgram, missingPackages } from "./packages";
export { clusterDirectory, clusterName } from "./plan";
export { down, type DownOptions } from "./down";
export { noDisks } from "./volumes";
export { status, type ClusterStatus, type NodeState, type NodeStatus, type ProgramStatus } from "./status";
export { ensureToolchain, type Toolchain, type ToolchainProgram } from "./toolchain/build";
export { up, type RunningCluster, type UpOptions } from "./up";

/** Faults of nodes, and of the way between two. */
export * as node from "./nodes";

/** Puts images into every running node of a cluster; a node that has them is not touched. */
export async function loadImages(name: string, references: readonly string[], progress: Progress): Promise<void> {
  requireFitHost();
  const plan = await knownPlan(name);
  const { ctr } = await ensureHostPrograms(progress);
  await loadInto(await runtimes(plan, ctr), references, (reference) => imageArchive(reference, progress), progress);
}
