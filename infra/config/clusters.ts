import { z } from "zod";
import { bytes, cidr, domain, list, mapping, objectName, oneOf, whole } from "./fields";
import regions from "./regions.json";

/** The kinds of cluster that a stack can run on, and what each needs to be told. */

const named = {
  /** Zone that the platform's names are in. */
  domain: domain("the DNS zone of the platform's names"),
};

/** Made by `local/cluster`. */
const embedded = mapping({ kind: z.literal("embedded"), domain: named.domain.default("ballast.local") });

/** Somebody else's, named by a context of the kubeconfig. */
const existing = mapping({
  kind: z.literal("existing"),
  ...named,
  /** Context of the kubeconfig, so that a stack never lands on whatever cluster is current. */
  context: z.string({ error: "the name of a context of the kubeconfig" }).min(1, {
    error: "the name of a context of the kubeconfig",
  }),
  /** Storage class of the databases' volumes. */
  storageClass: objectName("the name of a storage class"),
  /** How traffic from outside reaches a Service. */
  exposure: oneOf(["LoadBalancer", "NodePort"]).default("LoadBalancer"),
  /** Address under which the machine that runs the program reaches a node port. */
  nodeAddress: z.string({ error: "a host name or an IP address" }).min(1).default("127.0.0.1"),
  /** Address range and ports of the API server, for the network policies of what talks to it. */
  apiServer: mapping({
    cidr: cidr().default("0.0.0.0/0"),
    ports: list(whole(1, 65535, "a TCP port of the API server"), "TCP ports of the API server").default([443, 6443]),
  }).prefault({}),
  capabilities: mapping({
    charts: z.boolean({ error: "true or false (whether the nodes reach public registries)" }).default(true),
    volumeExpansion: z.boolean({ error: "true or false" }).default(false),
    volumeSnapshots: z.boolean({ error: "true or false" }).default(false),
  }).prefault({}),
});

/** Nodes of one size, whose number follows the load. */
const nodePool = mapping({
  /** The cloud's name of the size. */
  instance: z.string({ error: 'the cloud\'s name of a node size, for example "m6a.large"' }).min(1),
  min: whole(1, 100, "nodes of the pool at least"),
  max: whole(1, 100, "nodes of the pool at most"),
});

const cloud = {
  ...named,
  /** Name of the cluster in the cloud. */
  name: objectName("the name of the cluster"),
  /** Address range of the network; the nodes' addresses come from it. */
  vpcCidr: cidr(),
  /** Address range of Services inside the cluster. */
  serviceCidr: cidr(),
  nodes: mapping({ general: nodePool, data: nodePool }),
  /** Who is told of certificates that are about to end. */
  email: z.email({ error: 'an e-mail address, for example "platform@example.com"' }),
  /** Whether Pulumi refuses to delete the cluster and its network. */
  protect: z.boolean({ error: "true or false" }).default(false),
};

const eks = mapping({
  kind: z.literal("eks"),
  ...cloud,
  region: oneOf(regions.eks),
  /** Three zones of the region; nodes are spread over them. */
  zones: list(z.string({ error: 'a zone, for example "eu-central-1a"' }), "three zones of the region").length(3, {
    error: "a list of three zones of the region",
  }),
  /** Minor version of Kubernetes. */
  version: z.string({ error: 'a minor version as text, for example "1.34"' }).regex(/^1\.\d{2}$/, {
    error: 'a minor version as text, for example "1.34"',
  }),
  /** Where private nodes leave the network: one gateway is cheaper, one a zone survives the loss of a zone. */
  natGateways: oneOf(["one", "per zone"]).default("one"),
  /** Who may reach the API server from outside of the network. */
  apiAccess: list(cidr(), "address ranges that may reach the API server"),
  /** Size of each node's own disk. */
  nodeDisk: bytes("20Gi", "1Ti").prefault("50Gi"),
  /** Days for which the control plane's logs are kept. */
  logRetention: oneOf(["7d", "30d", "90d", "365d"]).default("30d"),
});

const digitalocean = mapping({
  kind: z.literal("digitalocean"),
  ...cloud,
  region: oneOf(regions.digitalocean),
  /** DigitalOcean's name of the version. */
  version: z
    .string({ error: 'a version of DigitalOcean, for example "1.34.1-do.0"' })
    .regex(/^1\.\d{2}\.\d+-do\.\d+$/, { error: 'a version of DigitalOcean, for example "1.34.1-do.0"' }),
  /** Address range of pods. */
  podCidr: cidr(),
  /** Three control planes in place of one. */
  highlyAvailable: z.boolean({ error: "true or false (three control planes in place of one)" }).default(true),
});

export const cluster = z.discriminatedUnion("kind", [embedded, existing, eks, digitalocean], {
  error: (issue) =>
    issue.code === "invalid_union"
      ? 'one of "embedded", "existing", "eks", "digitalocean"'
      : "a mapping with the key kind",
});

export type ClusterConfig = z.infer<typeof cluster>;
export type EmbeddedConfig = z.infer<typeof embedded>;
export type ExistingConfig = z.infer<typeof existing>;
export type EksConfig = z.infer<typeof eks>;
export type DigitalOceanConfig = z.infer<typeof digitalocean>;
export type NodePoolConfig = z.infer<typeof nodePool>;
/** A cluster that the stack makes in a cloud. */
export type CloudConfig = EksConfig | DigitalOceanConfig;
