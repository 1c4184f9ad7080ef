import { z } from "zod";
import { cluster } from "./clusters";
import { bytes, cpu, list, mapping, oneOf, postgresSize, reason, seconds, sqlName, whole } from "./fields";

/** What a stack file may say: one entry a top-level key. The checks that span several keys are in `rules.ts`. */

export const environments = ["local", "dev", "staging", "prod"] as const;
export type Environment = (typeof environments)[number];

/** Sizes of a container, `requests` and `limits` both; the smallest limits with which it starts at all. */
const resources = (smallest: { readonly cpu: string; readonly memory: string }) =>
  mapping({
    cpu: mapping({ request: cpu("1m", "64"), limit: cpu(smallest.cpu, "64") }),
    memory: mapping({ request: bytes("8Mi", "512Gi"), limit: bytes(smallest.memory, "512Gi") }),
  });

const quota = mapping({
  /** Sum over the namespace's pods. */
  cpu: cpu("100m", "1000"),
  memory: bytes("64Mi", "4Ti"),
  /** Sum over its volume claims. */
  storage: bytes("0", "100Ti"),
  pods: whole(1, 1000, "pods of the namespace at most"),
});

const settings = mapping({
  maxConnections: whole(25, 2000, "server connections").default(200),
  sharedBuffers: postgresSize("16MB", "256GB").prefault("256MB"),
  effectiveCacheSize: postgresSize("16MB", "1TB").prefault("1GB"),
  workMem: postgresSize("64kB", "4GB").prefault("4MB"),
  maintenanceWorkMem: postgresSize("1MB", "16GB").prefault("64MB"),
});

const failover = mapping({
  /** Life of the leader's key: a primary that cannot renew it for so long has lost it. */
  ttl: seconds(20, 300).prefault("20s"),
  /** Pause between two looks of each member at itself and at the key. */
  loopWait: seconds(1, 60).prefault("2s"),
  /** How long the API server may fail to answer before the primary steps down. */
  retryTimeout: seconds(3, 120).prefault("9s"),
});

const postgres = mapping({
  instances: whole(3, 7, "members of the Postgres cluster, one a node").default(3),
  resources: resources({ cpu: "250m", memory: "512Mi" }),
  storage: bytes("1Gi", "16Ti"),
  /** What becomes of the volumes when the stack is destroyed. */
  volumesOnDestroy: oneOf(["delete", "retain"]).default("retain"),
  settings: settings.prefault({}),
  failover: failover.prefault({}),
});

const database = mapping({
  name: sqlName("the name of a database"),
  /** Connections that each of the database's two login roles may hold: the services' pool times their replicas. */
  connectionLimit: whole(1, 1000, "connections of a role").default(20),
});

const databases = z.discriminatedUnion(
  "managed",
  [
    mapping({
      managed: z.literal(true),
      list: list(database, "databases"),
    }),
    mapping({ managed: z.literal(false), reason: reason("why the databases are not managed by this stack") }),
  ],
  { error: "{ managed: true, list: […] } or { managed: false, reason: … }" },
);

/** A namespace a concern. */
const namespaces = mapping({ data: quota, edge: quota, certificates: quota });

/** Every top-level key of the project's configuration. */
export const stackSchema = mapping({
  environment: oneOf(environments),
  cluster,
  namespaces,
  postgres,
  databases,
});

export type StackConfig = z.infer<typeof stackSchema>;
export type QuotaConfig = z.infer<typeof quota>;
export type PostgresConfig = StackConfig["postgres"];
export type DatabasesConfig = StackConfig["databases"];
export type DatabaseConfig = z.infer<typeof database>;
export type ResourcesConfig = PostgresConfig["resources"];
