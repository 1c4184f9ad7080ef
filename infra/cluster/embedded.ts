import { readFileSync } from "node:fs";
import type { EmbeddedConfig } from "../config";
import type { PlatformCluster } from "./platformCluster";

/** The cluster that `ballast cluster up` makes on this machine. Its kubeconfig is the ambient one. */
export function embeddedCluster(config: EmbeddedConfig): PlatformCluster {
  const nodes = nodeRange();
  return {
    provider: "embedded",
    name: "embedded",
    kubernetes: undefined,
    storageClasses: { database: "local" },
    loadBalancer: { serviceType: "NodePort", annotations: {} },
    dns: { domain: config.domain },
    capabilities: { charts: false, nodeAutoscaling: false, volumeExpansion: false, volumeSnapshots: false },
    apiServer: { cidr: nodes, ports: [443, 6443] },
    nodeAddress: "127.0.0.1",
    nodeRange: nodes,
  };
}

/** What the embedded clusters' own addresses are taken from; known closer only once there is a cluster. */
const anyCluster = "10.64.0.0/10";

/** The nodes and the API server share a network, which the kubeconfig tells. */
function nodeRange(): string {
  const file = process.env["KUBECONFIG"];
  const server = file ? /server"?:\s*"?https:\/\/(10\.\d+\.\d+)\.\d+:/.exec(readFileSync(file, "utf8")) : null;
  return server ? `${server[1]}.0/24` : anyCluster;
}
