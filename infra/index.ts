import * as pulumi from "@pulumi/pulumi";
import { platformCluster } from "./cluster";
import { ambientSource, readConfig } from "./config";
import { Databases } from "./data/postgres/databases";
import { PostgresHa } from "./data/postgres/postgresHa";
import { Edge } from "./edge/edge";
import { Foundation } from "./foundation/foundation";

/** The layers of a stack in order; each takes what it needs of the ones before. */
const config = readConfig(ambientSource());
const cluster = platformCluster(config.cluster);
const onCluster = cluster.kubernetes ? { providers: { kubernetes: cluster.kubernetes } } : {};

const foundation = new Foundation(
  "foundation",
  {
    namespaces: config.namespaces,
    guardrails: { project: pulumi.getProject(), stack: pulumi.getStack(), environment: config.environment },
  },
  onCluster,
);

const server = new PostgresHa(
  "postgres",
  { namespace: "data", config: config.postgres, cluster },
  { ...onCluster, dependsOn: [foundation] },
);

const managed =
  config.databases.managed && cluster.nodeAddress !== undefined
    ? new Databases(
        "databases",
        { server, nodeAddress: cluster.nodeAddress, namespace: "data", databases: config.databases.list },
        { ...onCluster, dependsOn: [foundation] },
      )
    : undefined;

const edge = new Edge(
  "edge",
  {
    cluster,
    namespace: "edge",
    certificatesNamespace: "certificates",
    ...(cluster.dns.names && { names: cluster.dns.names }),
  },
  { ...onCluster, dependsOn: [foundation] },
);

export const environment = config.environment;
export const namespaces = foundation.namespaces;
export const postgres = {
  /** Namespace and name of the StatefulSet. */
  namespace: "data",
  name: server.scope,
  instances: config.postgres.instances,
  primary: server.primary,
  replicas: server.replicas,
  /** Secret with `username` and `password` of the superuser. */
  superuserSecret: server.superuser.secretName,
};
/** What each database is called, and where its roles' passwords are. */
export const databases = managed?.databases ?? [];
/** Where traffic comes in; `authority` is the certificate that clients must trust where no public authority signs. */
export const gateway = { domain: edge.domain, ports: edge.ports, authority: edge.authority };
/** Components that other environments have and this one has not, by type, with the reason. */
export const omitted: Readonly<Record<string, string>> = {
  ...(!config.databases.managed && { "ballast:data:Databases": config.databases.reason }),
  ...(cluster.capabilities.charts
    ? { "ballast:edge:Traefik": "Envoy Gateway serves the same routes where charts can be installed" }
    : { "ballast:edge:Envoy": "its images cannot be pulled by the nodes; Traefik serves the same routes" }),
  ...(cluster.dns.names
    ? { "ballast:edge:OwnAuthority": "a public authority signs the certificates" }
    : {
        "ballast:edge:CertManager": "there is no public zone, so the cluster's own authority signs",
        "ballast:edge:ExternalDns": "there is no public zone to write names into",
      }),
};
