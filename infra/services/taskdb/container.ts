import type { TaskDbConfig } from "../../config";
import type { DatabaseAccess } from "../../data/postgres/logins";
import { imageReference } from "../../imageReference";
import type { ContainerArgs, EnvironmentValue } from "../../workload/container";

/** Ports of a pod of the service. */
export const ports = { http: 8080, metrics: 9091 } as const;

/** The user that the image runs as. */
export const user = { uid: 65532, gid: 65532 };

/** Seconds that a pod gets to finish its requests; the service itself ends five sooner. */
export const stopSeconds = 30;

const program = "/opt/taskdb/taskdb.cjs";

/** Where a role of the database connects, from its Secret by libpq's own names. */
function connection(secret: string): Record<string, EnvironmentValue> {
  const keys = {
    PGHOST: "host",
    PGPORT: "port",
    PGDATABASE: "database",
    PGUSER: "username",
    PGPASSWORD: "password",
    PGSSLMODE: "sslmode",
  };
  return Object.fromEntries(Object.entries(keys).map(([variable, key]) => [variable, { secret, key }]));
}

/** The API, as the role that reads and writes rows. */
export function serverContainer(config: TaskDbConfig, database: DatabaseAccess): ContainerArgs {
  const { cpu, memory } = config.resources;
  // The rest is for buffers and the program itself; a heap without a bound would be ended by the kernel instead.
  const heapMegabytes = Math.floor((memory.limit.value * 0.6) / 2 ** 20);
  return {
    name: "taskdb",
    image: imageReference("taskdb"),
    args: [program, "serve"],
    environment: {
      ...connection(database.secrets.app),
      TASKDB_BACKEND: "postgres",
      TASKDB_PORT: String(ports.http),
      TASKDB_ENABLE_METRICS: "true",
      TASKDB_METRICS_PORT: String(ports.metrics),
      TASKDB_POOL_SIZE: String(config.poolSize),
      TASKDB_ARTIFACTS_DIR: "/tmp/artifacts",
      TASKDB_DRAIN_TIMEOUT_MS: String((stopSeconds - 5) * 1000),
      NODE_OPTIONS: `--max-old-space-size=${heapMegabytes}`,
    },
    ports,
    sizes: {
      cpu: { request: cpu.request.text, limit: cpu.limit.text },
      memory: { request: memory.request.text, limit: memory.limit.text },
    },
    probes: {
      startup: { check: { path: "/livez", port: ports.http }, every: 1, failures: 60 },
      readiness: { check: { path: "/readyz", port: ports.http }, every: 2, failures: 3, timeout: 5 },
      liveness: { check: { path: "/livez", port: ports.http }, every: 10, failures: 3, timeout: 5 },
    },
    mounts: { "/tmp": { volume: "tmp" } },
  };
}

/** Brings the schema up to date, as the role that acts as the owner. */
export function migrationContainer(database: DatabaseAccess): ContainerArgs {
  return {
    name: "migrate",
    image: imageReference("taskdb"),
    args: [program, "migrate", "up"],
    environment: { ...connection(database.secrets.migrator), TASKDB_BACKEND: "postgres" },
    sizes: { cpu: { request: "50m", limit: "500m" }, memory: { request: "96Mi", limit: "256Mi" } },
    probes: { waived: "It runs until the schema is up to date and ends; its exit code is its health" },
    mounts: { "/tmp": { volume: "tmp" } },
  };
}
