import type { V1Pod, V1PodSecurityContext, V1SecurityContext } from "@kubernetes/client-node";
import { ApiException } from "@kubernetes/client-node";
import type { Ground } from "../ground";
import { until } from "../until";

/** A volume, and what is to be taken out of it. Plain data: it outlives this process in an undo record. */
export interface FilledVolume {
  readonly claim: string;
  /** Tells the claim from a later one of the same name. */
  readonly claimUid: string;
  readonly container: string;
  readonly file: string;
  readonly mountPath: string;
  readonly subPath?: string;
  /** The container's image, which is on the node, and what the container and its pod may do. */
  readonly image: string;
  readonly podSecurity?: V1PodSecurityContext;
  readonly security?: V1SecurityContext;
}

/** Seconds for a pod to start on a busy node, and to be gone again. */
const doneWithin = 90;
const goneWithin = 60;

/**
 * Removes the file by a pod of its own, where no container of the volume's own pod runs: a full disk may keep it from starting. Both may
 * mount the volume, as they are on one node.
 *
 * @returns what df then says of the volume
 */
export async function removeBySweeper(namespace: string, volume: FilledVolume, ground: Ground): Promise<string> {
  const name = `ballast-undo-${volume.claim}`.slice(0, 253);
  await remove(namespace, name, ground);
  await ground.core.createNamespacedPod({ namespace, body: sweeper(namespace, name, volume) });
  try {
    let state = "";
    await until(
      async () => {
        const { status } = await ground.core.readNamespacedPod({ namespace, name });
        const waiting = status?.containerStatuses?.[0]?.state?.waiting;
        state = [
          status?.phase,
          waiting?.reason,
          waiting?.message,
          ...(status?.conditions ?? []).map(({ message }) => message),
        ]
          .filter(Boolean)
          .join(", ");
        if (status?.phase === "Failed")
          throw new Error(
            `pod ${namespace}/${name} could not remove ${volume.file}: ${await log(namespace, name, ground)}`,
          );
        return status?.phase === "Succeeded";
      },
      {
        seconds: doneWithin,
        signal: new AbortController().signal,
        otherwise: () => `pod ${namespace}/${name}, which is to remove ${volume.file}, is ${state}`,
      },
    );
    return await log(namespace, name, ground);
  } finally {
    await remove(namespace, name, ground);
  }
}

/** Within the rules of a restricted namespace as far as the volume's own pod is; none of its labels, by which others would find it. */
function sweeper(namespace: string, name: string, volume: FilledVolume): V1Pod {
  const sizes = { cpu: "100m", memory: "32Mi" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { "app.kubernetes.io/managed-by": "ballast-chaos" } },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      ...(volume.podSecurity && { securityContext: volume.podSecurity }),
      containers: [
        {
          name: "remove",
          image: volume.image,
          imagePullPolicy: "IfNotPresent",
          command: ["sh", "-c", 'rm -f -- "$0" && [ ! -e "$0" ] && df -Pk "$1"', volume.file, volume.mountPath],
          resources: { requests: sizes, limits: sizes },
          ...(volume.security && { securityContext: volume.security }),
          volumeMounts: [
            {
              name: "volume",
              mountPath: volume.mountPath,
              ...(volume.subPath !== undefined && { subPath: volume.subPath }),
            },
          ],
        },
      ],
      volumes: [{ name: "volume", persistentVolumeClaim: { claimName: volume.claim } }],
    },
  };
}

function log(namespace: string, name: string, { core }: Ground): Promise<string> {
  return core.readNamespacedPodLog({ namespace, name });
}

/** Of an undo that was cut off there may be one already. */
async function remove(namespace: string, name: string, { core }: Ground): Promise<void> {
  const gone = (error: unknown): true => {
    if (error instanceof ApiException && error.code === 404) return true;
    throw error;
  };
  if ((await core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: 1 }).catch(gone)) === true) return;
  await until(async () => (await core.readNamespacedPod({ namespace, name }).catch(gone)) === true, {
    seconds: goneWithin,
    signal: new AbortController().signal,
    otherwise: () => `pod ${namespace}/${name} is still there`,
  });
}
