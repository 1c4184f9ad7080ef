import type { ComponentResourceOptions } from "@pulumi/pulumi";
import type { ClusterConfig } from "../config";
import type { PlatformCluster } from "./platformCluster";

export type { PlatformCluster } from "./platformCluster";

/**
 * Makes, or finds, the cluster that the stack's configuration asks for. Each kind is loaded only where it is used: the SDK of a cloud
 * takes longer to load than all else of the program.
 */
export function platformCluster(config: ClusterConfig, options: ComponentResourceOptions = {}): PlatformCluster {
  switch (config.kind) {
    case "embedded":
      return load<typeof import("./embedded")>("./embedded").embeddedCluster(config);
    case "existing":
      return load<typeof import("./existing")>("./existing").existingCluster(config);
    case "eks":
      return new (load<typeof import("./eks/eksCluster")>("./eks/eksCluster").EksCluster)("cluster", config, options);
    case "digitalocean":
      return new (load<typeof import("./digitalocean")>("./digitalocean").DigitalOceanCluster)(
        "cluster",
        config,
        options,
      );
  }
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- a program declares its resources before the first await
const load = <Module>(path: string): Module => require(path) as Module;
