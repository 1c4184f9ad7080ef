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

/** Namespaces of the platform, one a concern. */
const concerns = ["data", "edge", "certificates", "apps"] as const;

const database = mapping({
  name: sqlName("the name of a database"),
  /** Where the pods that use it run: the Secrets with its roles' passwords are there. */
  namespace: oneOf(concerns).default("apps"),
  /** Connections that each of the database's two login roles may hold: the services' pool times their replicas. */
  connectionLimit: whole(1, 1000, "connections of a role").default(20),
});

/** The databases are the same whoever makes them: this program over a node port, or a job in the cluster. */
const databaseList = list(database, "databases");

const databases = z.discriminatedUnion(
  "managed",
  [
    mapping({ managed: z.literal(true), list: databaseList }),
    mapping({
      managed: z.literal(false),
      reason: reason("why a job in the cluster makes the databases"),
      list: databaseList,
    }),
  ],
  { error: "{ managed: true, list: […] } or { managed: false, reason: …, list: […] }" },
);

const namespaces = mapping({ data: quota, edge: quota, certificates: quota, apps: quota } satisfies Record<
  (typeof concerns)[number],
  unknown
>);

/** How many pods of a service there are, by what they use of what they request. */
const autoscaling = mapping({
  minReplicas: whole(1, 100, "pods of the service at least"),
  maxReplicas: whole(1, 100, "pods of the service at most"),
  /** Use of CPU, in percent of the request, that the number of pods is kept to. */
  cpuPercent: whole(10, 1000, "percent of the CPU that is requested"),
  /** The same for memory. */
  memoryPercent: whole(10, 1000, "percent of the memory that is requested").optional(),
});

const taskdb = mapping({
  autoscaling,
  resources: resources({ cpu: "100m", memory: "128Mi" }),
  /** Connections to Postgres that one pod keeps at most. */
  poolSize: whole(2, 100, "connections of one pod"),
});

/** Every top-level key of the project's configuration. */
export const stackSchema = mapping({
  environment: oneOf(environments),
  cluster,
  namespaces,
  postgres,
  databases,
  taskdb,
});

export type StackConfig = z.infer<typeof stackSchema>;
export type QuotaConfig = z.infer<typeof quota>;
export type PostgresConfig = StackConfig["postgres"];
export type DatabasesConfig = StackConfig["databases"];
export type DatabaseConfig = z.infer<typeof database>;
export type TaskDbConfig = StackConfig["taskdb"];
export type AutoscalingConfig = z.infer<typeof autoscaling>;
export type ResourcesConfig = PostgresConfig["resources"];
