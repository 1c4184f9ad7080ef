import * as pulumi from "@pulumi/pulumi";
import { platformCluster } from "./cluster";
import { ambientSource, readConfig } from "./config";
import { Databases } from "./data/postgres/databases";
import { DatabasesJob } from "./data/postgres/job/databasesJob";
import { PostgresHa } from "./data/postgres/postgresHa";
import { Edge } from "./edge/edge";
import { Foundation } from "./foundation/foundation";
import { MonitoringKinds } from "./observability/monitoringKinds";
import { TaskDb } from "./services/taskdb/taskDb";

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

const databasesOptions = { ...onCluster, dependsOn: [foundation] };
const madeDatabases =
  config.databases.managed && cluster.nodeAddress !== undefined
    ? new Databases(
        "databases",
        { server, nodeAddress: cluster.nodeAddress, databases: config.databases.list },
        databasesOptions,
      )
    : new DatabasesJob("databases", { server, namespace: "data", databases: config.databases.list }, databasesOptions);

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

const monitoringKinds = new MonitoringKinds("monitoring", onCluster);

const [taskdbDatabase] = madeDatabases.databases.filter(({ name }) => name === "taskdb");
if (!taskdbDatabase) throw new Error('databases.list has no database "taskdb"');
const taskdbService = new TaskDb(
  "taskdb",
  {
    environment: config.environment,
    namespace: taskdbDatabase.namespace,
    config: config.taskdb,
    cluster,
    database: taskdbDatabase,
    server: { namespace: "data", scope: server.scope, primary: server.primary },
  },
  { ...onCluster, dependsOn: [foundation, madeDatabases, monitoringKinds] },
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
export const databases = madeDatabases.databases;
/** The task database's API: in the cluster, and on the nodes where this machine reaches them. */
export const taskdb = {
  namespace: taskdbService.namespace,
  /** Of the Deployment, the Service and the autoscaler. */
  name: taskdbService.name,
  host: taskdbService.host,
  port: taskdbService.port,
  metricsPort: taskdbService.metricsPort,
  nodePort: taskdbService.nodePort,
};
/** Where traffic comes in; `authority` is the certificate that clients must trust where no public authority signs. */
export const gateway = { domain: edge.domain, ports: edge.ports, authority: edge.authority };
/** Components that other environments have and this one has not, by type, with the reason. */
export const omitted: Readonly<Record<string, string>> = {
  ...(config.databases.managed
    ? { "ballast:data:DatabasesJob": "this machine reaches Postgres, so the program itself makes the databases" }
    : { "ballast:data:Databases": config.databases.reason }),
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
