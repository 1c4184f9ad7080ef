import * as cluster from "../local/cluster";
import { imageArchives, listImages } from "../local/images";
import type { Progress } from "../local/progress";
import { ApiClient } from "../local/engine/providers/kubernetes/connection/client";
import { resolveConnection } from "../local/engine/providers/kubernetes/connection/kubeconfig";
import { text } from "../local/engine/providers/kubernetes/object";
import type { FileBackend } from "../local/engine/state";
import { openBackend, type StackPlace } from "./backend";
import { CommandError } from "./errors";
import type { ClusterChoice } from "./options";
import { ownCluster, progress } from "./place";

/** What a stack stands on once {@link prepareGround} or {@link findGround} is through: KUBECONFIG of this process names it. */
export interface Ground {
  readonly embedded: boolean;
  /** Whether there is a cluster to ask. */
  readonly reachable: boolean;
}

/** Brings up what the stack runs on: for a stack on this machine its cluster, with the images of its workloads on every node. */
export async function prepareGround(place: StackPlace, choice: ClusterChoice): Promise<Ground> {
  useImagesDirectory(choice);
  if (await useExisting(choice)) return { embedded: false, reachable: true };
  if (!place.embedded) return { embedded: false, reachable: true };
  const name = ownCluster();
  const shown = progress();
  const workloads = (await listImages()).filter((image) => image.workload);
  const references = workloads.filter((image) => image.source !== "unavailable").map((image) => image.reference);
  for (const image of workloads) {
    if (image.source === "unavailable") shown.note(`image ${image.reference} cannot be had: ${image.reason ?? ""}`);
  }
  // The images are made while the cluster's programs compile; a failure is told where they are awaited.
  const archives = imageArchives(references, shown);
  archives.catch(() => undefined);
  const running = await cluster.up({ name }, shown);
  await archives;
  await cluster.loadImages(name, references, shown);
  process.env["KUBECONFIG"] = running.kubeconfig;
  await forgetOlderCluster(await openBackend(place.stack), place.stack, await begun(), shown);
  return { embedded: true, reachable: true };
}

/** When the cluster was made. */
async function begun(): Promise<string> {
  const client = new ApiClient(resolveConnection({}), new AbortController().signal, () => undefined);
  const { body } = await client.request({ method: "GET", path: "/api/v1/namespaces/kube-system" });
  return text(body, "metadata", "creationTimestamp");
}

/**
 * A cluster on this machine that was taken down took everything with it, and the state would go on speaking of what is nowhere.
 *
 * @param since when the cluster that is there now was made, RFC 3339
 */
export async function forgetOlderCluster(
  backend: Pick<FileBackend, "exists" | "read" | "removeStack">,
  stack: string,
  since: string,
  shown: Pick<Progress, "note">,
): Promise<void> {
  if (!(await backend.exists(stack))) return;
  const { resources } = await backend.read(stack, { blind: true });
  const namespace = resources.find(({ type, id }) => type === "kubernetes:core/v1:Namespace" && id);
  const made = (namespace?.outputs?.["metadata"] as { creationTimestamp?: string } | undefined)?.creationTimestamp;
  if (made === undefined || Date.parse(made) >= Date.parse(since)) return;
  shown.note(
    `The cluster is newer than the state of ${stack}: the ${resources.length} resources in it went with the one before.`,
  );
  await backend.removeStack(stack, { force: true });
}

/** Finds what the stack runs on, and brings nothing up. */
export async function findGround(place: StackPlace, choice: ClusterChoice): Promise<Ground> {
  useImagesDirectory(choice);
  if (await useExisting(choice)) return { embedded: false, reachable: true };
  if (!place.embedded) return { embedded: false, reachable: true };
  const status = await cluster.status(ownCluster());
  if (status.kubeconfig !== undefined) process.env["KUBECONFIG"] = status.kubeconfig;
  return { embedded: true, reachable: status.api?.ready === true };
}

function useImagesDirectory({ imagesDir }: ClusterChoice): void {
  if (imagesDir !== undefined) process.env["BALLAST_IMAGES"] = imagesDir;
}

async function useExisting({ kubeconfig, context }: ClusterChoice): Promise<boolean> {
  if (kubeconfig === undefined && context === undefined) return false;
  const file = kubeconfig ?? process.env["KUBECONFIG"];
  if (!file) throw new CommandError("--context needs a kubeconfig: give --kubeconfig FILE, or set KUBECONFIG");
  process.env["KUBECONFIG"] = (await cluster.existingCluster(file, context)).kubeconfig;
  return true;
}
