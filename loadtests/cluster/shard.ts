import { setTimeout as delay } from "node:timers/promises";
import type { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import { at, mapsAt, nameOf, text, type JsonMap } from "../../local/engine/providers/kubernetes/object";
import { containerName, runLabel, runName } from "./manifests";
import type { ShardLog } from "./shardLog";

/** A load that is late by more is not the one that was asked for. */
const START_SECONDS = 120;
/** A quota that is full for so long does not get empty by waiting. */
const REFUSED_SECONDS = 15;
/** From the end of the log until the pod says how it ended. */
const END_SECONDS = 30;
const PAUSE_MS = 300;
const indexLabel = "batch.kubernetes.io/job-completion-index";
/** k6's code for a run that was ended from outside. */
export const ENDED_FROM_OUTSIDE = 105;
/** A container that waits for one of these waits forever. */
const HOPELESS =
  /^(?:ImagePullBackOff|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError)$/;

export interface Shard {
  readonly client: Pick<ApiClient, "request" | "follow">;
  readonly namespace: string;
  readonly run: string;
  /** From 0. */
  readonly index: number;
  /** Whether shards are being ended. */
  readonly stopping: () => boolean;
}

/**
 * Follows a shard from its start to its end.
 *
 * @returns its exit code
 * @throws Error when it does not start, or ends without one
 */
export async function followShard(shard: Shard, log: ShardLog): Promise<number> {
  const pod = await started(shard);
  if (pod === undefined) return ENDED_FROM_OUTSIDE;
  let unread: Error | undefined;
  const path = `/api/v1/namespaces/${shard.namespace}/pods/${pod}/log`;
  const query = { container: containerName, follow: "true" };
  await shard.client.follow(path, query, new AbortController().signal, (line) => {
    try {
      log.line(line);
    } catch (error) {
      unread ??= error as Error;
    }
  });
  if (unread !== undefined) throw unread;
  return ended(shard);
}

async function podOf({ client, namespace, run, index }: Shard): Promise<JsonMap | undefined> {
  const query = { labelSelector: `${runLabel}=${run},${indexLabel}=${index}` };
  const { body } = await client.request({ method: "GET", path: `/api/v1/namespaces/${namespace}/pods`, query });
  return mapsAt(body, "items")[0];
}

const stateOf = (pod: JsonMap | undefined) => at(mapsAt(pod, "status", "containerStatuses")[0], "state");

/** The pod's name once its program runs; nothing, where it is not to any more. */
async function started(shard: Shard): Promise<string | undefined> {
  const begun = Date.now();
  const waited = (seconds: number) => Date.now() - begun > seconds * 1000;
  for (;;) {
    const pod = await podOf(shard);
    const state = stateOf(pod);
    if (pod !== undefined && (at(state, "running") || at(state, "terminated"))) return nameOf(pod);
    if (shard.stopping()) return undefined;
    const refused = pod === undefined && waited(REFUSED_SECONDS) ? await refusal(shard) : undefined;
    if (refused !== undefined || HOPELESS.test(text(state, "waiting", "reason")) || waited(START_SECONDS)) {
      const why = pod === undefined ? (refused ?? "its Job made no pod, and does not say why") : waitsFor(pod, state);
      throw new Error(`shard ${shard.index} did not start in ${shard.namespace}: ${why}`);
    }
    await delay(PAUSE_MS);
  }
}

function waitsFor(pod: JsonMap, state: ReturnType<typeof stateOf>): string {
  const reason = text(state, "waiting", "reason");
  if (reason !== "") return `${reason} ${text(state, "waiting", "message")}`.trim();
  const open = mapsAt(pod, "status", "conditions").find((condition) => text(condition, "status") === "False");
  return `${text(open, "reason")} ${text(open, "message")}`.trim() || "its pod waits, and does not say for what";
}

/** Why the Job has no pod: a quota or a rule that refuses it. */
async function refusal({ client, namespace, run }: Shard): Promise<string | undefined> {
  const query = { fieldSelector: `involvedObject.kind=Job,involvedObject.name=${runName(run)},type=Warning` };
  const { body } = await client.request({ method: "GET", path: `/api/v1/namespaces/${namespace}/events`, query });
  return mapsAt(body, "items")
    .map((event) => text(event, "message"))
    .at(-1);
}

async function ended(shard: Shard): Promise<number> {
  const deadline = Date.now() + END_SECONDS * 1000;
  for (;;) {
    const pod = await podOf(shard);
    const code = at(stateOf(pod), "terminated", "exitCode");
    if (typeof code === "number") {
      if (code < 128) return code;
      throw new Error(`shard ${shard.index} was ended by ${endOf(pod)}`);
    }
    if (pod === undefined && shard.stopping()) return ENDED_FROM_OUTSIDE;
    if (pod === undefined || Date.now() > deadline) {
      const what = pod === undefined ? "its pod is gone" : "its log ended while it ran";
      throw new Error(`shard ${shard.index} ended without an exit code: ${what}, so what it sent is not known`);
    }
    await delay(PAUSE_MS);
  }
}

const endOf = (pod: JsonMap | undefined): string => {
  const terminated = at(stateOf(pod), "terminated");
  return `${text(terminated, "reason") || "a signal"} (exit code ${String(at(terminated, "exitCode"))})`;
};
