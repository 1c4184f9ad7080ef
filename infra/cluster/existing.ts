import { Provider } from "@pulumi/kubernetes/provider";
import type { ExistingConfig } from "../config";
import type { PlatformCluster } from "./platformCluster";

/** Somebody else's cluster, named by a context of the kubeconfig, so that a stack cannot land on whichever is current. */
export function existingCluster(config: ExistingConfig): PlatformCluster {
  const { context, exposure } = config;
  return {
    provider: "existing",
    name: context,
    // The context stays the same when its credentials are rotated, so nothing is replaced then.
    kubernetes: new Provider("cluster", { context, clusterIdentifier: context }),
    storageClasses: { database: config.storageClass },
    loadBalancer: { serviceType: exposure, annotations: {} },
    dns: { domain: config.domain },
    capabilities: { nodeAutoscaling: false, ...config.capabilities },
    apiServer: config.apiServer,
    nodeAddress: exposure === "NodePort" ? config.nodeAddress : undefined,
  };
}
