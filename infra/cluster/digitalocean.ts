import { KubernetesCluster } from "@pulumi/digitalocean/kubernetesCluster";
import { KubernetesNodePool } from "@pulumi/digitalocean/kubernetesNodePool";
import { Vpc } from "@pulumi/digitalocean/vpc";
import { Provider } from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";
import type { DigitalOceanConfig, NodePoolConfig } from "../config";
import { databaseStorage } from "./databaseStorage";
import { cloudCapabilities, dataPool } from "./cloud";
import type { Dns, LoadBalancer, PlatformCluster } from "./platformCluster";

/** A managed cluster at DigitalOcean: highly available control plane, a network of its own, and autoscaled pools for services and for data. */
export class DigitalOceanCluster extends pulumi.ComponentResource implements PlatformCluster {
  readonly provider = "digitalocean";
  readonly name: pulumi.Output<string>;
  readonly kubernetes: Provider;
  readonly storageClasses: PlatformCluster["storageClasses"];
  readonly loadBalancer: LoadBalancer = {
    serviceType: "LoadBalancer",
    annotations: {
      "service.beta.kubernetes.io/do-loadbalancer-enable-proxy-protocol": "true",
      "service.beta.kubernetes.io/do-loadbalancer-size-unit": "1",
    },
    proxyProtocol: true,
  };
  readonly dns: Dns;
  readonly capabilities = cloudCapabilities;
  readonly apiServer = { cidr: "0.0.0.0/0", ports: [443, 6443] };
  readonly dataNodes = dataPool;
  readonly nodeAddress = undefined;

  constructor(name: string, config: DigitalOceanConfig, options?: pulumi.ComponentResourceOptions) {
    super("ballast:cluster:DigitalOceanCluster", name, {}, options);
    const child = { parent: this };
    const keep = { ...child, protect: config.protect };
    const access = { provider: "digitalocean", token: apiToken() } as const;
    this.dns = { domain: config.domain, names: { access, email: config.email } };
    const vpc = new Vpc(name, { name: config.name, region: config.region, ipRange: config.vpcCidr }, keep);
    const cluster = new KubernetesCluster(
      name,
      {
        name: config.name,
        region: config.region,
        version: config.version,
        vpcUuid: vpc.id,
        clusterSubnet: config.podCidr,
        serviceSubnet: config.serviceCidr,
        ha: config.highlyAvailable,
        // Patch releases only, in the window; a minor version is a change of the stack file.
        autoUpgrade: true,
        surgeUpgrade: true,
        maintenancePolicy: { day: "sunday", startTime: "03:00" },
        registryIntegration: false,
        nodePool: { name: "general", ...pool(config.nodes.general), labels: { "ballast.dev/pool": "general" } },
        tags: ["ballast", config.name],
      },
      // The provider rewrites the pinned patch version after an automatic upgrade.
      { ...keep, ignoreChanges: ["version"] },
    );
    const data = new KubernetesNodePool(
      `${name}-data`,
      {
        clusterId: cluster.id,
        name: "data",
        ...pool(config.nodes.data),
        labels: dataPool.labels,
        taints: [dataPool.taint],
        tags: ["ballast", config.name],
      },
      child,
    );
    this.name = cluster.name;
    this.kubernetes = new Provider(
      name,
      {
        kubeconfig: pulumi.secret(cluster.kubeConfigs.apply(([config]) => config?.rawConfig ?? "")),
        // DigitalOcean rotates the credentials every week; what identifies the cluster stays.
        clusterIdentifier: cluster.id,
      },
      { ...child, dependsOn: [data] },
    );
    const onCluster = { ...child, provider: this.kubernetes };
    this.storageClasses = { database: databaseStorage(name, { provisioner: "dobs.csi.digitalocean.com" }, onCluster) };
    this.registerOutputs({ name: this.name, storageClasses: this.storageClasses });
  }
}

function pool({ instance, min, max }: NodePoolConfig) {
  return { size: instance, autoScale: true, minNodes: min, maxNodes: max };
}

/** The token that the provider itself works with; empty where only a preview is made. */
function apiToken(): pulumi.Output<string> {
  return new pulumi.Config("digitalocean").getSecret("token") ?? pulumi.secret(process.env["DIGITALOCEAN_TOKEN"] ?? "");
}
