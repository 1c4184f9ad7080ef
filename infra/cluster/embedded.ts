import type { EmbeddedConfig } from "../config";
import type { PlatformCluster } from "./platformCluster";

/** The cluster that `ballast cluster up` makes on this machine. Its kubeconfig is the ambient one. */
export function embeddedCluster(config: EmbeddedConfig): PlatformCluster {
  return {
    provider: "embedded",
    name: "embedded",
    kubernetes: undefined,
    storageClasses: { database: "local" },
    loadBalancer: { serviceType: "NodePort", annotations: {} },
    dns: { domain: config.domain },
    capabilities: { charts: false, nodeAutoscaling: false, volumeExpansion: false, volumeSnapshots: false },
    apiServer: { cidr: "10.0.0.0/8", ports: [443, 6443] },
    nodeAddress: "127.0.0.1",
  };
}
