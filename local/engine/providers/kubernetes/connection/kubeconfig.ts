import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { parse } from "yaml";

import { ProviderError } from "../../../provider";
import { isJsonMap, mapAt, mapsAt, text, type Json, type JsonMap } from "../object";

// @kubernetes/client-node can do this too, but loading it costs 350 to 600 ms and 60 MB in every run (measured on this machine); reading the file needs neither.

/** Where the API server is and who we are there. Nothing in it may be logged but `server`, `context` and `source`. */
export interface Connection {
  readonly server: string;
  /** Context's name, `in-cluster` inside a pod. */
  readonly context: string;
  /** The file (or "kubeconfig of the provider") that it comes from, for messages. */
  readonly source: string;
  /** Namespace of the context, if it names one. */
  readonly namespace?: string;
  readonly tls: Tls;
  readonly user: Credentials;
}

export interface Tls {
  readonly ca?: string;
  readonly insecure: boolean;
  readonly serverName?: string;
}

export interface Credentials {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly basic?: { readonly username: string; readonly password: string };
  readonly exec?: ExecPlugin;
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] };
}

export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly provideClusterInfo: boolean;
  readonly installHint?: string;
}

export interface KubeconfigChoice {
  /** Content or path; absent: `KUBECONFIG`, then `~/.kube/config`, then the pod's own service account. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
}

interface Entry {
  readonly value: JsonMap;
  readonly directory: string;
}
interface Merged {
  readonly source: string;
  currentContext: string;
  readonly clusters: Map<string, Entry>;
  readonly users: Map<string, Entry>;
  readonly contexts: Map<string, Entry>;
}

const SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

/** @throws ProviderError when there is no kubeconfig, or it does not lead to a server. */
export function resolveConnection(choice: KubeconfigChoice, env: NodeJS.ProcessEnv = process.env): Connection {
  const merged = load(choice, env);
  if (merged === undefined) return inCluster(env);
  const contextName = choice.context ?? merged.currentContext;
  if (contextName === "" && choice.cluster === undefined) {
    throw new ProviderError(
      `${merged.source}: has no current-context; set kubernetes:context to one of ${names(merged.contexts)}`,
    );
  }
  const context = contextName === "" ? undefined : merged.contexts.get(contextName);
  if (contextName !== "" && context === undefined) {
    throw new ProviderError(`${merged.source}: has no context "${contextName}"; it has ${names(merged.contexts)}`);
  }
  const details = mapAt(context?.value, "context");
  const clusterName = choice.cluster ?? text(details, "cluster");
  const cluster = merged.clusters.get(clusterName);
  if (cluster === undefined) {
    throw new ProviderError(
      `${merged.source}: has no cluster "${clusterName}" (context "${contextName}"); it has ${names(merged.clusters)}`,
    );
  }
  const server = text(cluster.value, "cluster", "server");
  if (!URL.canParse(server)) {
    throw new ProviderError(
      `${merged.source}: cluster "${clusterName}" has the server "${server}", which is no URL like https://host:6443`,
    );
  }
  if (text(cluster.value, "cluster", "proxy-url") !== "") {
    throw new ProviderError(
      `${merged.source}: cluster "${clusterName}" has a proxy-url, which the embedded engine does not support; use the Pulumi CLI`,
    );
  }
  const userName = text(details, "user");
  const user = merged.users.get(userName);
  if (userName !== "" && user === undefined) {
    throw new ProviderError(
      `${merged.source}: has no user "${userName}" (context "${contextName}"); it has ${names(merged.users)}`,
    );
  }
  const namespace = text(details, "namespace");
  return {
    server: server.replace(/\/+$/, ""),
    context: contextName,
    source: merged.source,
    ...(namespace === "" ? {} : { namespace }),
    tls: tlsOf(cluster, `${merged.source}: cluster "${clusterName}"`),
    user: user === undefined ? {} : credentialsOf(user, `${merged.source}: user "${userName}"`),
  };
}

const names = (entries: Map<string, Entry>): string =>
  [...entries.keys()].map((name) => `"${name}"`).join(", ") || "none";

function load(choice: KubeconfigChoice, env: NodeJS.ProcessEnv): Merged | undefined {
  const given = choice.kubeconfig?.trim();
  if (given !== undefined && given !== "") {
    if (given.includes("\n") || given.startsWith("{")) {
      const merged = empty("the provider's kubeconfig");
      mergeInto(merged, given, process.cwd(), merged.source);
      return merged;
    }
    return loadFiles([expand(given)], true);
  }
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((part) => part !== "");
  if (listed.length > 0) return loadFiles(listed.map(expand), true);
  return loadFiles([join(homedir(), ".kube", "config")], false);
}

const expand = (path: string): string => resolve(path.startsWith("~/") ? join(homedir(), path.slice(2)) : path);
const empty = (source: string): Merged => ({
  source,
  currentContext: "",
  clusters: new Map(),
  users: new Map(),
  contexts: new Map(),
});

/** Several files are merged as kubectl does: the first that sets a name wins. */
function loadFiles(paths: readonly string[], required: boolean): Merged | undefined {
  const present = paths.filter((path) => existsSync(path));
  if (present.length === 0) {
    if (!required) return undefined;
    throw new ProviderError(
      `kubeconfig ${paths.join(", ")} does not exist; set KUBECONFIG or kubernetes:kubeconfig, or start a cluster`,
    );
  }
  const merged = empty(`kubeconfig ${present.join(", ")}`);
  for (const path of present) {
    let content: string;
    try {
      content = readFileSync(path, "utf8");
    } catch (error) {
      throw new ProviderError(`kubeconfig ${path} cannot be read: ${(error as Error).message}`);
    }
    mergeInto(merged, content, dirname(path), `kubeconfig ${path}`);
  }
  return merged;
}

function mergeInto(merged: Merged, content: string, directory: string, source: string): void {
  let parsed: unknown;
  try {
    parsed = parse(content);
  } catch (error) {
    // The parser's message quotes the line, which may hold a token.
    const line = (error as { linePos?: { line: number }[] }).linePos?.[0]?.line;
    throw new ProviderError(`${source} is not valid YAML${line === undefined ? "" : ` (line ${line})`}`);
  }
  if (!isJsonMap(parsed))
    throw new ProviderError(`${source} is not a kubeconfig: it must be a map with clusters, users and contexts`);
  merged.currentContext ||= text(parsed, "current-context");
  for (const kind of ["clusters", "users", "contexts"] as const) {
    for (const value of mapsAt(parsed, kind)) {
      const name = text(value, "name");
      if (!merged[kind].has(name)) merged[kind].set(name, { value, directory });
    }
  }
}

/** PEM from `<key>-data` (base64) or from the file that `<key>` names. */
function pem(entry: Entry, section: Json | undefined, key: string, where: string): string | undefined {
  const data = text(section, `${key}-data`);
  if (data !== "") return Buffer.from(data, "base64").toString("utf8");
  const path = text(section, key);
  if (path === "") return undefined;
  try {
    return readFileSync(resolve(entry.directory, path), "utf8");
  } catch (error) {
    throw new ProviderError(`${where}: ${key} "${path}" cannot be read: ${(error as Error).message}`);
  }
}

function tlsOf(entry: Entry, where: string): Tls {
  const cluster = mapAt(entry.value, "cluster");
  const ca = pem(entry, cluster, "certificate-authority", where);
  const serverName = text(cluster, "tls-server-name");
  return {
    insecure: cluster["insecure-skip-tls-verify"] === true,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName === "" ? {} : { serverName }),
  };
}

function credentialsOf(entry: Entry, where: string): Credentials {
  const user = mapAt(entry.value, "user");
  if (isJsonMap(user["auth-provider"])) {
    throw new ProviderError(
      `${where}: auth-provider was removed from Kubernetes in 1.26; use an exec plugin, a token or a certificate`,
    );
  }
  const cert = pem(entry, user, "client-certificate", where);
  const key = pem(entry, user, "client-key", where);
  const [token, tokenFile] = [text(user, "token"), text(user, "tokenFile")];
  const username = text(user, "username");
  const as = text(user, "as");
  const groups = Array.isArray(user["as-groups"]) ? user["as-groups"].filter((group) => typeof group === "string") : [];
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(token === "" ? {} : { token }),
    ...(tokenFile === "" ? {} : { tokenFile: resolve(entry.directory, tokenFile) }),
    ...(username === "" ? {} : { basic: { username, password: text(user, "password") } }),
    ...(as === "" ? {} : { impersonate: { user: as, groups } }),
    ...(isJsonMap(user["exec"]) ? { exec: execOf(user["exec"], entry, where) } : {}),
  };
}

function execOf(exec: JsonMap, entry: Entry, where: string): ExecPlugin {
  const command = text(exec, "command");
  if (command === "") throw new ProviderError(`${where}: exec has no command`);
  const hint = text(exec, "installHint");
  return {
    apiVersion: text(exec, "apiVersion") || "client.authentication.k8s.io/v1",
    command: command.includes("/") ? resolve(entry.directory, command) : command,
    args: Array.isArray(exec["args"]) ? exec["args"].filter((arg) => typeof arg === "string") : [],
    env: Object.fromEntries(mapsAt(exec, "env").map((variable) => [text(variable, "name"), text(variable, "value")])),
    provideClusterInfo: exec["provideClusterInfo"] === true,
    ...(hint === "" ? {} : { installHint: hint }),
  };
}

function inCluster(env: NodeJS.ProcessEnv): Connection {
  const [host, port] = [env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]];
  if (host === undefined || port === undefined || !existsSync(`${SERVICE_ACCOUNT}/token`)) {
    throw new ProviderError(
      "no Kubernetes cluster is configured: set KUBECONFIG or kubernetes:kubeconfig, write ~/.kube/config, or start one with `ballast cluster up`",
    );
  }
  const namespace = existsSync(`${SERVICE_ACCOUNT}/namespace`)
    ? readFileSync(`${SERVICE_ACCOUNT}/namespace`, "utf8").trim()
    : "";
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    context: "in-cluster",
    source: "the pod's service account",
    ...(namespace === "" ? {} : { namespace }),
    tls: { insecure: false, ca: readFileSync(`${SERVICE_ACCOUNT}/ca.crt`, "utf8") },
    user: { tokenFile: `${SERVICE_ACCOUNT}/token` },
  };
}
