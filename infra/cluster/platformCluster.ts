import type * as pulumi from "@pulumi/pulumi";
import type { DnsAccess } from "../edge/dns";
import type { ReservedNodes } from "../workload/podSpec";

/** What every kind of cluster comes down to for the layers above: none of them asks which cloud it is on. */
export interface PlatformCluster {
  readonly provider: "embedded" | "existing" | "eks" | "digitalocean";
  readonly name: pulumi.Input<string>;
  /** Reaches the cluster; `undefined` where the ambient kubeconfig is the cluster's. */
  readonly kubernetes: pulumi.ProviderResource | undefined;
  /** Names of storage classes by use; volumes of `database` are encrypted and bind on the node of their pod. */
  readonly storageClasses: { readonly database: pulumi.Input<string> };
  readonly loadBalancer: LoadBalancer;
  readonly dns: Dns;
  readonly capabilities: Capabilities;
  /** Where pods find the API server, for the network policies of what talks to it. */
  readonly apiServer: { readonly cidr: string; readonly ports: readonly number[] };
  /** Nodes that only what keeps data may use. @default every node serves everything */
  readonly dataNodes?: ReservedNodes;
  /** Address under which the machine that runs the program reaches node ports; `undefined` where it does not. */
  readonly nodeAddress: string | undefined;
  /** Where the clients of a node port seem to come from. @default anywhere */
  readonly nodeRange?: string;
}

/** How traffic from outside reaches a Service. */
export interface LoadBalancer {
  readonly serviceType: "LoadBalancer" | "NodePort";
  readonly annotations: Readonly<Record<string, string>>;
  /** It tells the client's address by the PROXY protocol. @default the address is the client's */
  readonly proxyProtocol?: boolean;
}

/** Who serves the platform's names. */
export interface Dns {
  /** Zone that the names are in, for example `example.com`. */
  readonly domain: string;
  /** How the zone is written to, and who is told of certificates about to end. @default nobody serves the names */
  readonly names?: { readonly access: DnsAccess; readonly email: string };
}

/** What a cluster can do beyond running pods. */
export interface Capabilities {
  /** Upstream charts can be installed: the nodes reach public registries. */
  readonly charts: boolean;
  /** Nodes are added and removed with the load. */
  readonly nodeAutoscaling: boolean;
  /** Volumes can be grown while they are in use. */
  readonly volumeExpansion: boolean;
  /** Volumes can be snapshot through the Kubernetes API. */
  readonly volumeSnapshots: boolean;
}
