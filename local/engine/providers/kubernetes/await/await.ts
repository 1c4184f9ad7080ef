import type { ApiClient } from "../connection/client";
import { pathOf, type Discovery } from "../connection/discovery";
import type { LiveObjects, WatchHub } from "../connection/watch";
import { annotation, at, label, mapAt, namespaceOf, nameOf, text, uidOf, type JsonMap } from "../object";
import { get, type Target } from "../apply";
import { SKIP_AWAIT } from "../annotations";
import { crashed } from "./pods";
import * as others from "./others";
import type { Judge, Verdict } from "./verdict";
import { WAIT_FOR, waitForJudge } from "./waitfor";
import * as workloads from "./workloads";

/** The services that waiting needs. */
export interface Surroundings {
  readonly client: ApiClient;
  readonly discovery: Discovery;
  readonly hub: WatchHub;
  readonly signal: AbortSignal;
  readonly status: (message: string) => void;
}

/** The resource exists, but did not become ready. */
export class NotReady extends Error {
  constructor(
    message: string,
    /** Its last known state. */
    readonly object: JsonMap,
    readonly reasons: readonly string[],
  ) {
    super(message);
  }
}

type Related = "pods" | "events" | "replicasets" | "endpointslices";
interface Rule {
  readonly judge: Judge;
  readonly related: readonly Related[];
}

const workload: readonly Related[] = ["pods", "events"];
const rules: Readonly<Record<string, Rule>> = {
  "apps/v1/Deployment": { judge: workloads.deployment, related: [...workload, "replicasets"] },
  "apps/v1/StatefulSet": { judge: workloads.statefulSet, related: workload },
  "apps/v1/DaemonSet": { judge: workloads.daemonSet, related: workload },
  "batch/v1/Job": { judge: workloads.job, related: workload },
  "v1/Pod": { judge: workloads.pod, related: ["events"] },
  "v1/Service": { judge: others.service, related: ["endpointslices", "events"] },
  "v1/Namespace": { judge: others.namespace, related: [] },
  "apiextensions.k8s.io/v1/CustomResourceDefinition": { judge: others.definition, related: [] },
  "apiregistration.k8s.io/v1/APIService": { judge: others.apiService, related: [] },
};

/** How the object is judged; `undefined` when there is nothing to wait for. */
export async function ruleFor(object: JsonMap, client: ApiClient): Promise<Rule | undefined> {
  if (annotation(object, SKIP_AWAIT) === "true") return undefined;
  const waitFor = annotation(object, WAIT_FOR);
  if (waitFor !== "") return { judge: waitForJudge(waitFor), related: [] };
  const key = `${text(object, "apiVersion")}/${text(object, "kind")}`;
  if (key === "v1/PersistentVolumeClaim")
    return { judge: others.claim(await waitsForConsumer(object, client)), related: ["events"] };
  return rules[key];
}

async function waitsForConsumer(claim: JsonMap, client: ApiClient): Promise<boolean> {
  const name = text(claim, "spec", "storageClassName");
  if (name === "") return false;
  const served = { apiVersion: "storage.k8s.io/v1", kind: "StorageClass", plural: "storageclasses", namespaced: false };
  return text(await get(client, { served, namespace: "", name }), "volumeBindingMode") === "WaitForFirstConsumer";
}

export const relatedPath = (kind: Related, namespace: string): string => {
  const place = `namespaces/${namespace}/${kind}`;
  if (kind === "replicasets") return `/apis/apps/v1/${place}`;
  return kind === "endpointslices" ? `/apis/discovery.k8s.io/v1/${place}` : `/api/v1/${place}`;
};

/**
 * Waits until the object is ready, and returns its state then.
 * @throws NotReady on the timeout, when it can never become ready, when it is deleted meanwhile and when the run is cancelled.
 */
export async function awaitReady(
  target: Target,
  object: JsonMap,
  timeoutSeconds: number,
  around: Surroundings,
): Promise<JsonMap> {
  const rule = await ruleFor(object, around.client);
  if (rule === undefined) return object;
  const first = rule.judge({ object, pods: [], events: [], related: [] });
  if (first.ready) return object;

  const own = around.hub.object(scopeOf(target), object);
  const shared = new Map<Related, { live: LiveObjects; release: () => void }>();
  const namespace = namespaceOf(object);
  for (const kind of rule.related) {
    shared.set(
      kind,
      around.hub.share({
        path: relatedPath(kind, namespace),
        ...(kind === "events" ? { fieldSelector: "type=Warning" } : {}),
      }),
    );
  }
  const see = (kind: Related): readonly JsonMap[] => shared.get(kind)?.live.objects ?? [];
  const judge = (current: JsonMap): Verdict =>
    rule.judge({
      object: current,
      pods: see("pods"),
      events: see("events"),
      related: [...see("replicasets"), ...see("endpointslices")],
    });

  let last = object;
  let told = "";
  try {
    const end = await settled(
      [own.live, ...[...shared.values()].map(({ live }) => live)],
      timeoutSeconds,
      around.signal,
      () => {
        const current = own.live.objects[0];
        if (current === undefined) return { kind: "deleted" };
        last = current;
        const verdict = judge(current);
        if (verdict.ready) return { kind: "ready" };
        if (verdict.failed === true) return { kind: "failed" };
        const message = [
          verdict.status,
          ...verdict.problems.slice(0, 2),
          ...(own.live.trouble === undefined ? [] : [own.live.trouble]),
        ].join("; ");
        if (message !== told) around.status(message);
        told = message;
        return undefined;
      },
    );
    if (end.kind === "ready") return last;
    if (end.kind === "deleted")
      throw new NotReady(`${label(last)} was deleted by someone else while it was waited for`, last, [
        "it was deleted",
      ]);
    const verdict = judge(last);
    const head =
      end.kind === "failed"
        ? `${label(last)} failed: ${verdict.status}`
        : end.kind === "cancelled"
          ? `${label(last)} is not ready yet and the wait was cancelled: ${verdict.status}`
          : `${label(last)} did not become ready within ${duration(timeoutSeconds)}: ${verdict.status}`;
    const logs = end.kind === "cancelled" ? [] : await lastLogs(verdict.culprits ?? [], around.client);
    const lines = [...verdict.problems, ...logs];
    throw new NotReady([head, ...lines.map((line) => `  - ${line.replaceAll("\n", "\n    ")}`)].join("\n"), last, [
      verdict.status,
      ...lines,
    ]);
  } finally {
    own.release();
    for (const { release } of shared.values()) release();
  }
}

const scopeOf = (target: Target): { path: string; fieldSelector: string } => ({
  path: pathOf(target.served, target.namespace),
  fieldSelector: `metadata.name=${target.name}`,
});

type End = { kind: "ready" | "failed" | "deleted" | "timeout" | "cancelled" };

/** Looks whenever one of the pictures changes, until `look` answers, the time is up or the run is cancelled. */
function settled(
  pictures: readonly LiveObjects[],
  seconds: number,
  signal: AbortSignal,
  look: () => End | undefined,
): Promise<End> {
  return new Promise((resolve, reject) => {
    let scheduled = false;
    const finish = (end: End): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
      for (const stop of stops) stop();
      resolve(end);
    };
    const cancel = (): void => finish({ kind: "cancelled" });
    const timer = setTimeout(() => finish({ kind: "timeout" }), seconds * 1000);
    const check = (): void => {
      scheduled = false;
      try {
        const end = look();
        if (end !== undefined) finish(end);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    // A list or a burst of events is looked at once.
    const changed = (): void => {
      if (!scheduled) setImmediate(check);
      scheduled = true;
    };
    const stops = pictures.map((picture) => picture.onChange(changed));
    signal.addEventListener("abort", cancel);
    if (signal.aborted) cancel();
    else changed();
  });
}

export const duration = (seconds: number): string =>
  seconds % 60 === 0 && seconds > 0 ? `${seconds / 60} minute${seconds === 60 ? "" : "s"}` : `${seconds} seconds`;

const LOG_LINES = "10";
const LOGGED_CONTAINERS = 3;

/** The last lines of containers that crashed. */
async function lastLogs(pods: readonly JsonMap[], client: ApiClient): Promise<string[]> {
  const wanted = pods
    .flatMap((pod) => crashed(pod).map((container) => ({ pod, ...container })))
    .slice(0, LOGGED_CONTAINERS);
  return await Promise.all(
    wanted.map(async ({ pod, name, previous }) => {
      const path = `/api/v1/namespaces/${namespaceOf(pod)}/pods/${nameOf(pod)}/log`;
      const title = `last log lines of pod ${nameOf(pod)}, container ${name}`;
      try {
        const query = { container: name, tailLines: LOG_LINES, ...(previous ? { previous: "true" } : {}) };
        const lines = (await client.requestText({ method: "GET", path, query })).trimEnd();
        return `${title}:${lines === "" ? " none" : `\n${lines}`}`;
      } catch (error) {
        return `${title}: cannot be read (${(error as Error).message})`;
      }
    }),
  );
}

/**
 * Waits until the object is gone, or another has taken its name.
 * @throws NotReady on the timeout, with what holds it back.
 */
export async function awaitGone(
  target: Target,
  object: JsonMap,
  timeoutSeconds: number,
  around: Surroundings,
): Promise<void> {
  const own = around.hub.object(scopeOf(target), object);
  let last = object;
  let told = "";
  try {
    const end = await settled([own.live], timeoutSeconds, around.signal, () => {
      const current = own.live.objects[0];
      if (current === undefined || uidOf(current) !== uidOf(object)) return { kind: "ready" };
      last = current;
      const message = [heldBy(current), ...(own.live.trouble === undefined ? [] : [own.live.trouble])].join("; ");
      if (message !== told) around.status(message);
      told = message;
      return undefined;
    });
    if (end.kind === "ready") return;
    const why =
      end.kind === "cancelled"
        ? "is still being deleted and the wait was cancelled"
        : `was not gone within ${duration(timeoutSeconds)}`;
    throw new NotReady(`${label(last)} ${why}: ${heldBy(last)}`, last, [heldBy(last)]);
  } finally {
    own.release();
  }
}

/** What a deletion waits for, in one line. */
function heldBy(object: JsonMap): string {
  const finalizers = [at(object, "metadata", "finalizers"), at(object, "spec", "finalizers")].flatMap((list) =>
    Array.isArray(list) ? list.map(String) : [],
  );
  const conditions = at(object, "status", "conditions");
  const reasons = (Array.isArray(conditions) ? conditions : [])
    .filter((entry) => text(entry, "type").startsWith("Namespace") && text(entry, "status") === "True")
    .map((entry) => text(entry, "message"));
  const grace = mapAt(object, "metadata")["deletionGracePeriodSeconds"];
  if (reasons.length > 0) return `being deleted: ${reasons.join("; ")}`;
  if (finalizers.length > 0) return `being deleted, held by the finalizers ${finalizers.join(", ")}`;
  return `being deleted${typeof grace === "number" ? ` (grace period ${grace} s)` : ""}`;
}
