import { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import { resolveConnection } from "../../local/engine/providers/kubernetes/connection/kubeconfig";
import { mapsAt, text, type JsonMap } from "../../local/engine/providers/kubernetes/object";
import type { RunningImage } from "../../loadtests/record";
import { findGround } from "../ground";
import type { StackPlace } from "../backend";

/** What runs in these namespaces now; nothing, where the cluster cannot be asked, as is so for a target that was given by hand. */
export async function runningImages(
  place: StackPlace,
  namespaces: readonly string[],
): Promise<RunningImage[] | undefined> {
  if (namespaces.length === 0) return undefined;
  try {
    if (!(await findGround(place, {})).reachable) return undefined;
    const client = new ApiClient(resolveConnection({}), AbortSignal.timeout(20_000), () => undefined);
    const lists = namespaces.map(async (namespace) => {
      const { body } = await client.request({ method: "GET", path: `/api/v1/namespaces/${namespace}/pods` });
      return mapsAt(body, "items").flatMap(imagesOf);
    });
    return distinct((await Promise.all(lists)).flat());
  } catch {
    return undefined;
  }
}

/** Of one pod, as its node tells. */
export function imagesOf(pod: JsonMap): RunningImage[] {
  return mapsAt(pod, "status", "containerStatuses").flatMap((status) => {
    const digest = /sha256:[0-9a-f]{64}$/.exec(text(status, "imageID"))?.[0];
    if (digest === undefined) return [];
    const namespace = text(pod, "metadata", "namespace");
    return [{ namespace, container: text(status, "name"), image: text(status, "image"), digest }];
  });
}

/** Replicas run the same: once is enough, unless they do not. */
export function distinct(images: readonly RunningImage[]): RunningImage[] {
  const byKey = new Map(images.map((image) => [Object.values(image).join(" "), image]));
  return [...byKey].sort(([left], [right]) => left.localeCompare(right)).map(([, image]) => image);
}
