import { ApiException, type V1Pod, type V1Status } from "@kubernetes/client-node";
import type { PodTarget } from "../experiment/schema";
import type { Ground } from "../ground";
import { until } from "../until";
import type { FaultDriver, Random, Victim } from "./fault";
import { NoVictim } from "./fault";

export type PodVictim = Extract<Victim, { kind: "pod" }>;

/** Seconds for a pod to be seen gone. */
const goneWithin = 60;

/**
 * The pods that a fault hits: of those that match, as many as it asks for, drawn by the seed from their names in order, so that the
 * same seed hits the same pods.
 *
 * @throws NoVictim
 * @throws when it would be a larger share of them than the experiment's limits allow
 */
export async function choosePods(target: PodTarget, ground: Ground, random: Random): Promise<PodVictim[]> {
  const { namespace, labels, pick } = target;
  const labelSelector = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  const { items } = await ground.core.listNamespacedPod({ namespace, labelSelector });
  const running = items
    .filter(({ metadata, status }) => !metadata?.deletionTimestamp && status?.phase === "Running")
    .map(victimOf)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  if (running.length === 0) throw new NoVictim(`no pod runs in ${namespace} with ${labelSelector}`);
  const count = pick === "all" ? running.length : pick;
  const most = Math.max(1, Math.floor(running.length * ground.limits.share));
  if (count > most) {
    throw new Error(
      `${count} of ${running.length} pods of ${namespace} with ${labelSelector} would be hit; limits.share allows ${most}`,
    );
  }
  return draw(running, count, random);
}

function draw<T>(from: readonly T[], count: number, random: Random): T[] {
  const left = [...from];
  return Array.from({ length: Math.min(count, left.length) }, () =>
    left.splice(Math.floor(random() * left.length), 1),
  ).flat();
}

function victimOf({ metadata, spec }: V1Pod): PodVictim {
  return {
    kind: "pod",
    namespace: metadata?.namespace ?? "",
    name: metadata?.name ?? "",
    uid: metadata?.uid ?? "",
    node: spec?.nodeName ?? "",
  };
}

/** The pod as it is now; undefined when it, or its name, belongs to another. */
export async function podNow({ namespace, name, uid }: PodVictim, ground: Ground): Promise<V1Pod | undefined> {
  const { items } = await ground.core.listNamespacedPod({ namespace, fieldSelector: `metadata.name=${name}` });
  return items.find(({ metadata }) => metadata?.uid === uid);
}

export const onlyPods = (victims: readonly Victim[]): PodVictim[] =>
  victims.flatMap((victim) => (victim.kind === "pod" ? [victim] : []));

/** Waits until none of the pods is there any more. */
export async function allGone(victims: readonly PodVictim[], ground: Ground): Promise<string> {
  for (const victim of victims) {
    await until(async () => (await podNow(victim, ground)) === undefined, {
      seconds: goneWithin,
      signal: ground.signal,
      otherwise: () => `pod ${victim.namespace}/${victim.name} (${victim.uid}) is still there`,
    });
  }
  return victims.map(({ name, uid }) => `pod ${name} with uid ${uid} is gone`).join("; ");
}

const nothingToUndo = {
  undoRecord: async () => undefined,
  undo: async () => "it ended by itself",
};

export const podKill: FaultDriver<"pod-kill"> = {
  kind: "pod-kill",
  ...nothingToUndo,
  possible: () => true,
  choose: ({ target }, ground, random) => choosePods(target, ground, random),
  async inject({ graceSeconds }, victims, ground) {
    const pods = onlyPods(victims);
    for (const { namespace, name, uid } of pods) {
      const body = { preconditions: { uid } };
      await ground.core.deleteNamespacedPod({ namespace, name, gracePeriodSeconds: graceSeconds, body });
    }
    return () => allGone(pods, ground);
  },
};

export const podEvict: FaultDriver<"pod-evict"> = {
  kind: "pod-evict",
  ...nothingToUndo,
  possible: () => true,
  choose: ({ target }, ground, random) => choosePods(target, ground, random),
  async inject(_fault, victims, ground) {
    const pods = onlyPods(victims);
    for (const pod of pods) await evict(pod, ground);
    return () => allGone(pods, ground);
  },
};

/** @throws when a disruption budget refuses it: it says so */
export async function evict({ namespace, name, uid }: PodVictim, ground: Ground): Promise<void> {
  const body = { metadata: { namespace, name }, deleteOptions: { preconditions: { uid } } };
  await ground.core.createNamespacedPodEviction({ namespace, name, body }).catch((error: unknown) => {
    if (error instanceof ApiException && error.code === tooMany)
      throw new Error(`pod ${namespace}/${name} was not evicted: ${refusal(error.body)}`);
    throw error;
  });
}

/** The code with which a disruption budget refuses. */
const tooMany = 429;

/** The budget's own words, which name it; those of the status where it has none. */
function refusal(body: unknown): string {
  try {
    const { message, details } = JSON.parse(String(body)) as V1Status;
    const words = details?.causes?.map((cause) => cause.message).join("; ") || message;
    return (words ?? "").replace(/^The disruption budget/, "its disruption budget");
  } catch {
    return String(body);
  }
}

export const containerKill: FaultDriver<"container-kill"> = {
  kind: "container-kill",
  ...nothingToUndo,
  possible: ({ nodes }) =>
    nodes !== undefined || "a container's process is killed on its node, which needs a cluster on this machine",
  choose: ({ target }, ground, random) => choosePods(target, ground, random),
  async inject({ container }, victims, ground) {
    const pods = onlyPods(victims);
    const before = await Promise.all(pods.map((pod) => containerId(pod, container, ground)));
    const killed: string[] = [];
    for (const id of before) killed.push((await ground.nodes?.killContainer(id)) ?? "");
    return async () => {
      for (const [index, pod] of pods.entries()) {
        await until(
          async () => {
            const now = await podNow(pod, ground);
            const status = now?.status?.containerStatuses?.find(({ name }) => name === container);
            return (
              now === undefined || status?.state?.running === undefined || bare(status.containerID) !== before[index]
            );
          },
          {
            seconds: goneWithin,
            signal: ground.signal,
            otherwise: () => `container ${container} of ${pod.name} still runs`,
          },
        );
      }
      return killed.join("; ");
    };
  },
};

async function containerId(pod: PodVictim, container: string, ground: Ground): Promise<string> {
  const now = await podNow(pod, ground);
  const statuses = now?.status?.containerStatuses ?? [];
  const id = statuses.find(({ name }) => name === container)?.containerID;
  if (id === undefined) {
    const known = statuses.map(({ name }) => name).join(", ");
    throw new NoVictim(
      `pod ${pod.namespace}/${pod.name} has no running container ${container}; it has ${known || "none"}`,
    );
  }
  return bare(id);
}

const bare = (id: string | undefined): string => (id ?? "").replace(/^.*:\/\//, "");
