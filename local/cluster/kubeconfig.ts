import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { pki } from "./pki";
import { apiPort, clusterDirectory, type Plan } from "./plan";

/** Where the administrator's kubeconfig of a cluster stands, whether or not the cluster is up. */
export function kubeconfigPath(name: string): string {
  return join(clusterDirectory(name), "kubeconfig");
}

export function apiUrl(plan: Plan): string {
  return `https://${plan.hostAddress}:${apiPort}`;
}

/** Credentials with the certificate `identity`, as a kubeconfig's text. */
export async function kubeconfig(plan: Plan, identity: string): Promise<string> {
  const files = pki(plan);
  const encoded = async (file: string) => (await readFile(file)).toString("base64");
  const cluster = { server: apiUrl(plan), "certificate-authority-data": await encoded(files.crt("ca")) };
  const user = {
    "client-certificate-data": await encoded(files.crt(identity)),
    "client-key-data": await encoded(files.key(identity)),
  };
  const content = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: plan.name, cluster }],
    users: [{ name: identity, user }],
    contexts: [{ name: plan.name, context: { cluster: plan.name, user: identity } }],
    "current-context": plan.name,
  };
  return stringify(content, { lineWidth: 0 });
}
