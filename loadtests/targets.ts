import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Target } from "./plan";
import { scenarioTable } from "./table";

/** Outputs of a stack, as far as they are read here. */
interface Outputs {
  readonly taskdb?: { readonly nodePort?: number; readonly host?: string; readonly port?: number };
  readonly gateway?: { readonly domain?: string; readonly ports?: { readonly https?: number } };
}

/** Where node ports of a cluster on this machine answer. */
export const nodeAddress = "127.0.0.1";

/** The services that can be reached from this machine, by the outputs of a stack whose cluster is on it. */
export function localTargets(outputs: unknown): Record<string, Target> {
  const { taskdb, gateway } = (outputs ?? {}) as Outputs;
  const { services } = scenarioTable();
  const ready = (service: string) => services[service]?.ready ?? "/";
  const port = taskdb?.nodePort;
  const https = gateway?.ports?.https;
  const host = gateway?.domain && `load.${gateway.domain}`;
  return {
    ...(port && { taskdb: { url: `http://${nodeAddress}:${port}`, ready: ready("taskdb"), schema: newestSchema() } }),
    ...(https && host && { edge: { url: `https://${host}:${https}`, address: nodeAddress, ready: ready("edge") } }),
  };
}

/** The services that pods of the stack's cluster can reach by their Service; a gateway's certificate is for names outside of it. */
export function clusterTargets(outputs: unknown): Record<string, Target> {
  const { taskdb: { host, port } = {} } = (outputs ?? {}) as Outputs;
  if (host === undefined || port === undefined) return {};
  const ready = scenarioTable().services["taskdb"]?.ready ?? "/";
  return { taskdb: { url: `http://${host}:${port}`, ready, schema: newestSchema() } };
}

/**
 * The Service that an address inside a cluster means: `http://taskdb.apps.svc:8080`.
 *
 * @throws Error that says which forms there are
 */
export function serviceOf(url: string): { readonly name: string; readonly namespace: string; readonly port: number } {
  const { hostname, port, protocol } = new URL(url);
  const [, name, namespace] = /^([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:\.cluster\.local)?$/.exec(hostname) ?? [];
  if (name === undefined || namespace === undefined)
    throw new Error(
      `${url} is no Service: load from inside the cluster goes to http://<service>.<namespace>.svc:<port>; without --in-cluster it may go anywhere`,
    );
  return { name, namespace, port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port) };
}

/** Where the stack runs the services that are under load; those that were given by hand may be anywhere. */
export function namespacesOf(outputs: unknown, targets: Readonly<Record<string, Target>>): string[] {
  const { services } = scenarioTable();
  const own = [localTargets(outputs), clusterTargets(outputs)];
  const found = Object.entries(targets).flatMap(([service, { url }]) => {
    if (!own.some((known) => known[service]?.url === url)) return [];
    const output = (outputs as Record<string, { namespace?: unknown } | undefined>)[services[service]?.output ?? ""];
    return typeof output?.namespace === "string" ? [output.namespace] : [];
  });
  return [...new Set(found)];
}

/**
 * Targets that were given by hand, `service=url` each.
 *
 * @throws Error that says what is wrong with which
 */
export function namedTargets(pairs: readonly string[]): Record<string, Target> {
  const { services } = scenarioTable();
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, service = "", url = ""] = /^([a-z-]+)=(https?:\/\/[^/\s]+)\/?$/.exec(pair) ?? [];
      const known = services[service];
      if (known === undefined || !URL.canParse(url))
        throw new Error(
          `target ${pair}: must be a service (${Object.keys(services).join(", ")}) and its address, such as taskdb=http://127.0.0.1:8080`,
        );
      return [service, { url, ready: known.ready }];
    }),
  );
}

/** Name of the newest migration, which the scripts are written for. */
function newestSchema(): string {
  const files = readdirSync(join(__dirname, "../services/taskdb/migrations/postgres"));
  const names = files.flatMap((file) => /^(\d{4}-.+)\.ts$/.exec(file)?.[1] ?? []).sort();
  const newest = names.at(-1);
  if (newest === undefined) throw new Error("services/taskdb/migrations/postgres has no migration");
  return newest;
}
