import { imageReference } from "../../infra/imageReference";
import * as cluster from "../../local/cluster";
import { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import { resolveConnection } from "../../local/engine/providers/kubernetes/connection/kubeconfig";
import { runInCluster, type ShardedOptions } from "../../loadtests/cluster/run";
import type { Ran } from "../../loadtests/run";
import type { StackPlace } from "../backend";
import { CommandError } from "../errors";
import { findGround } from "../ground";
import { ownCluster, progress } from "../place";

/** Makes sure that pods of the stack's cluster can run k6; on a cluster of this machine the image is made only for this. */
export async function prepareCluster(place: StackPlace): Promise<void> {
  const ground = await findGround(place, {});
  if (!ground.reachable)
    throw new CommandError(`the cluster of ${place.stack} is not up; bring it up with: ballast up ${place.stack}`);
  if (ground.embedded) await cluster.loadImages(ownCluster(), [imageReference("k6")], progress());
}

/** After {@link prepareCluster}. */
export async function runShards(options: Omit<ShardedOptions, "client" | "note">): Promise<Ran> {
  // The signal ends the shards in order, and what follows must still be asked of the cluster.
  const client = new ApiClient(resolveConnection({}), new AbortController().signal, () => undefined);
  try {
    return await runInCluster({ ...options, client, note: (text) => progress().note(text) });
  } finally {
    client.close();
  }
}
