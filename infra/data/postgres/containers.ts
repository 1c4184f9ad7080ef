import type { PostgresConfig } from "../../config";
import { imageReference } from "../../imageReference";
import type { ContainerArgs, EnvironmentValue, Sizes } from "../../workload/container";
import type { Credentials } from "./access";
import { dataFolder } from "./patroni";
import { ports } from "./ports";
import { guardSizes, exporterSizes } from "./sizes";

/** The accounts that a member of the cluster needs, each in a Secret of its own. */
export interface MemberCredentials {
  readonly superuser: Credentials;
  readonly replication: Credentials;
  readonly rewind: Credentials;
  readonly monitor: Credentials;
  /** Guards the calls of Patroni's REST API that change something. */
  readonly restapi: Credentials;
}

/** Folder of the mounted configuration. */
const configFolder = "/etc/patroni";

const perPod = (scope: string): Record<string, EnvironmentValue> => ({
  PATRONI_SCOPE: scope,
  PATRONI_NAME: { field: "metadata.name" },
  PATRONI_KUBERNETES_NAMESPACE: { field: "metadata.namespace" },
  PATRONI_KUBERNETES_POD_IP: { field: "status.podIP" },
});

const account = (variable: string, { secretName }: Credentials): Record<string, EnvironmentValue> => ({
  [`PATRONI_${variable}_USERNAME`]: { secret: secretName, key: "username" },
  [`PATRONI_${variable}_PASSWORD`]: { secret: secretName, key: "password" },
});

/** PostgreSQL under Patroni. */
export function memberContainer(config: PostgresConfig, scope: string, accounts: MemberCredentials): ContainerArgs {
  return {
    name: "postgres",
    image: imageReference("postgres-ha"),
    environment: {
      ...perPod(scope),
      PATRONI_POSTGRESQL_CONNECT_ADDRESS: `$(PATRONI_KUBERNETES_POD_IP):${ports.postgres}`,
      PATRONI_RESTAPI_CONNECT_ADDRESS: `$(PATRONI_KUBERNETES_POD_IP):${ports.patroni}`,
      ...account("SUPERUSER", accounts.superuser),
      ...account("REPLICATION", accounts.replication),
      ...account("REWIND", accounts.rewind),
      ...account("RESTAPI", accounts.restapi),
    },
    ports: { postgres: ports.postgres, patroni: ports.patroni },
    sizes: sizesOf(config.resources),
    probes: {
      // A member that copies a large database may take long to start; Patroni answers from its first second on.
      startup: { check: { path: "/liveness", port: ports.patroni }, every: 1, failures: 120 },
      readiness: { check: { path: "/readiness", port: ports.patroni }, every: 2, failures: 3 },
      // A Patroni that hangs is ended about when its key expires, and one on a starved machine is not taken for it.
      liveness: { check: { path: "/liveness", port: ports.patroni }, every: 5, failures: 4, timeout: 5 },
    },
    mounts: {
      [configFolder]: { volume: "config", readOnly: true },
      [dataFolder]: { volume: "data" },
      "/run/postgresql": { volume: "run" },
      "/dev/shm": { volume: "shared-memory" },
      "/tmp": { volume: "tmp" },
    },
  };
}

/** The sidecar that makes the end of a primary known at once; see `guard/guard.py`. */
export function guardContainer(scope: string, restapi: Credentials): ContainerArgs {
  const health = { path: "/", port: ports.guard };
  return {
    name: "guard",
    image: imageReference("postgres-ha"),
    command: ["/usr/bin/python3", "-I", `${configFolder}/guard.py`, `${configFolder}/dynamic.json`],
    environment: { ...perPod(scope), ...account("RESTAPI", restapi) },
    ports: { guard: ports.guard },
    sizes: guardSizes,
    probes: {
      startup: { check: health, every: 1, failures: 60 },
      readiness: { check: health, every: 10, failures: 3 },
      liveness: { check: { port: health.port }, every: 10, failures: 3, timeout: 5 },
    },
    mounts: { [configFolder]: { volume: "config", readOnly: true } },
  };
}

/** PostgreSQL's metrics for Prometheus, read with a role that may only monitor. */
export function exporterContainer(monitor: Credentials): ContainerArgs {
  const landing = { path: "/", port: ports.exporter };
  return {
    name: "exporter",
    image: imageReference("postgres-exporter"),
    environment: {
      DATA_SOURCE_URI: `localhost:${ports.postgres}/postgres?sslmode=require`,
      DATA_SOURCE_USER: { secret: monitor.secretName, key: "username" },
      DATA_SOURCE_PASS: { secret: monitor.secretName, key: "password" },
    },
    ports: { metrics: ports.exporter },
    sizes: exporterSizes,
    probes: {
      readiness: { check: landing, every: 10, failures: 3 },
      liveness: { check: { port: landing.port }, every: 10, failures: 3, timeout: 5 },
    },
  };
}

function sizesOf({ cpu, memory }: PostgresConfig["resources"]): Sizes {
  return {
    cpu: { request: cpu.request.text, limit: cpu.limit.text },
    memory: { request: memory.request.text, limit: memory.limit.text },
  };
}
