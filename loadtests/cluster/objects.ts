import { hostname } from "node:os";
import type { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import { ApiError } from "../../local/engine/providers/kubernetes/connection/errors";
import { at, count, mapAt, mapsAt, nameOf, text, type JsonMap } from "../../local/engine/providers/kubernetes/object";
import { until } from "../../local/cluster/until";
import { serviceOf } from "../targets";
import { runLabel, runName, senderAnnotation, type ClusterTarget, type Manifest } from "./manifests";

type Client = Pick<ApiClient, "request">;

/** Kinds that a run is made of; the Job first, since it is what sends. */
const kinds = {
  Job: ["batch/v1", "jobs"],
  NetworkPolicy: ["networking.k8s.io/v1", "networkpolicies"],
  ConfigMap: ["v1", "configmaps"],
} as const;
type Kind = keyof typeof kinds;

function pathOf(kind: Kind, namespace?: string, name?: string): string {
  const [version, plural] = kinds[kind];
  const base = version === "v1" ? "/api/v1" : `/apis/${version}`;
  return [base, ...(namespace === undefined ? [] : ["namespaces", namespace]), plural, ...(name ? [name] : [])].join(
    "/",
  );
}

/** This process, as a run in the cluster names it. */
export const ownSender = (): string => `${hostname()}/${process.pid}`;

/**
 * Where a Service leads to.
 *
 * @throws Error when it is not there, or does not name pods and their port by number
 */
export async function targetOf(client: Client, url: string): Promise<ClusterTarget> {
  const { name, namespace, port } = serviceOf(url);
  const path = `/api/v1/namespaces/${namespace}/services/${name}`;
  const { body } = await client.request({ method: "GET", path }).catch((error: unknown) => {
    if (error instanceof ApiError && error.notFound)
      throw new Error(`${url}: the namespace ${namespace} has no Service ${name}`);
    throw error;
  });
  const ports = mapsAt(body, "spec", "ports");
  const found = ports.find((each) => count(each, "port") === port);
  if (found === undefined)
    throw new Error(
      `${url}: the Service ${namespace}/${name} has no port ${port}, only ${ports.map((each) => count(each, "port")).join(", ")}`,
    );
  const pods = mapAt(body, "spec", "selector") as Record<string, string>;
  const own = at(found, "targetPort") ?? port;
  if (Object.keys(pods).length === 0 || typeof own !== "number")
    throw new Error(
      `${url}: the Service ${namespace}/${name} must select pods and give their port as a number, so that the way to them can be opened`,
    );
  return { namespace, pods, port: own };
}

export async function create(client: Client, manifest: Manifest): Promise<void> {
  const { namespace, name } = manifest.metadata;
  const body = JSON.parse(JSON.stringify(manifest)) as JsonMap;
  try {
    await client.request({ method: "POST", path: pathOf(manifest.kind as Kind, namespace), body });
  } catch (error) {
    throw new Error(`${manifest.kind} ${namespace}/${name} could not be made: ${String((error as Error).message)}`, {
      cause: error,
    });
  }
}

/** Ends the shards in order: each stops as at Ctrl-C and says what it measured until then; none is started anew. */
export async function suspend(client: Client, namespace: string, run: string): Promise<void> {
  await client.request({
    method: "PATCH",
    path: pathOf("Job", namespace, runName(run)),
    contentType: "application/merge-patch+json",
    body: { spec: { suspend: true } },
  });
}

/** All objects of runs, or of one. */
async function found(client: Client, run?: string): Promise<{ kind: Kind; object: JsonMap }[]> {
  const labelSelector = run === undefined ? runLabel : `${runLabel}=${run}`;
  const lists = (Object.keys(kinds) as Kind[]).map(async (kind) => {
    const { body } = await client.request({ method: "GET", path: pathOf(kind), query: { labelSelector } });
    return mapsAt(body, "items").map((object) => ({ kind, object }));
  });
  return (await Promise.all(lists)).flat();
}

/** Removes all that a run has in the cluster, and waits until its pods are gone. */
export async function remove(client: Client, run: string): Promise<void> {
  for (const { kind, object } of await found(client, run)) {
    const path = pathOf(kind, text(object, "metadata", "namespace"), nameOf(object));
    await client.request({ method: "DELETE", path, query: { propagationPolicy: "Background" } }).catch(ignoreMissing);
  }
  const query = { labelSelector: `${runLabel}=${run}` };
  await until(`the pods of the run ${run} are gone`, 60, async () => {
    const { body } = await client.request({ method: "GET", path: "/api/v1/pods", query });
    return mapsAt(body, "items").length === 0;
  });
}

/**
 * Removes what runs have left whose sender was killed; gives their names.
 *
 * @throws Error when another run is under way
 */
export async function removeLeftovers(client: Client): Promise<string[]> {
  const objects = await found(client);
  const runs = [...new Set(objects.map(({ object }) => text(object, "metadata", "labels", runLabel)))];
  for (const run of runs) {
    const own = objects.filter(({ object }) => text(object, "metadata", "labels", runLabel) === run);
    const [first] = own;
    const sender = text(first?.object, "metadata", "annotations", senderAnnotation);
    const job = own.find(({ kind }) => kind === "Job")?.object;
    if (underWay(sender, job)) {
      const namespace = text(first?.object, "metadata", "namespace");
      throw new Error(
        `the run ${run} of ${sender} is under way in this cluster: wait for its end, or end it with: kubectl -n ${namespace} delete job,configmap,networkpolicy -l ${runLabel}=${run}`,
      );
    }
  }
  for (const run of runs) await remove(client, run);
  return runs;
}

/** Of a sender on another machine nobody here knows whether it lives: its Job says so. */
function underWay(sender: string, job: JsonMap | undefined): boolean {
  const [host, pid] = sender.split("/");
  if (host === hostname()) return alive(Number(pid));
  const ended = mapsAt(job, "status", "conditions").some(
    (condition) => ["Complete", "Failed"].includes(text(condition, "type")) && text(condition, "status") === "True",
  );
  return job !== undefined && !ended;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof ApiError && error.notFound)) throw error;
}
