import type { PostgresConfig } from "../../config";
import { ports } from "./ports";
import { hostBasedAccess, postgresParameters } from "./settings";

/** Names in the API server that Patroni uses for a cluster. */
export interface PatroniNames {
  /** The cluster's name, and that of the Service whose Endpoints hold the leader's key and address. */
  readonly scope: string;
  /** Labels by which Patroni finds its own objects, besides the cluster's label. */
  readonly labels: Readonly<Record<string, string>>;
}

/** Label with the cluster's name, on the pods and on Patroni's own objects. */
export const clusterLabel = "cluster-name";
/** Label that Patroni keeps on each pod: `primary` or `replica`. */
export const roleLabel = "role";

/** Names of the Endpoints in which Patroni keeps its state, besides the leader's. */
export function stateObjects(scope: string): string[] {
  return ["config", "failover", "sync"].map((part) => `${scope}-${part}`);
}

/** What holds for the whole cluster; kept by Patroni in the API server, brought up to date by the guard. */
export function dynamicConfiguration(config: PostgresConfig): object {
  const { ttl, loopWait, retryTimeout } = config.failover;
  return {
    ttl,
    loop_wait: loopWait,
    retry_timeout: retryTimeout,
    // No commit is acknowledged before a standby has it, and none at all while there is no standby.
    synchronous_mode: true,
    synchronous_mode_strict: true,
    synchronous_node_count: 1,
    maximum_lag_on_failover: 1048576,
    check_timeline: true,
    // While the API server is away the primary goes on for as long as it reaches every member; one that is cut off does not.
    failsafe_mode: true,
    // A crashed primary is left to a standby that runs already; recovering in place takes longer.
    primary_start_timeout: 0,
    primary_stop_timeout: 5,
    postgresql: {
      use_pg_rewind: true,
      use_slots: true,
      remove_data_directory_on_rewind_failure: true,
      remove_data_directory_on_diverged_timelines: true,
      parameters: postgresParameters(config),
      pg_hba: hostBasedAccess,
    },
  };
}

/** `patroni.yml`. What differs from pod to pod, and every password, comes from the environment instead. */
export function patroniConfiguration(config: PostgresConfig, names: PatroniNames): object {
  return {
    scope: names.scope,
    log: { level: "INFO", dateformat: "%Y-%m-%dT%H:%M:%S" },
    restapi: { listen: `0.0.0.0:${ports.patroni}` },
    kubernetes: {
      use_endpoints: true,
      labels: names.labels,
      scope_label: clusterLabel,
      role_label: roleLabel,
      leader_label_value: "primary",
      follower_label_value: "replica",
      ports: [{ name: "postgres", port: ports.postgres }],
    },
    bootstrap: {
      dcs: dynamicConfiguration(config),
      initdb: [{ encoding: "UTF8" }, { locale: "C.UTF-8" }, "data-checksums", { auth: "scram-sha-256" }],
    },
    postgresql: {
      listen: `0.0.0.0:${ports.postgres}`,
      data_dir: `${dataFolder}/data`,
      bin_dir: "/usr/lib/postgresql/15/bin",
      pgpass: "/run/postgresql/pgpass",
      use_unix_socket: true,
      use_unix_socket_repl: true,
      parameters: { unix_socket_directories: "/run/postgresql" },
      authentication: {
        superuser: { sslmode: "require" },
        replication: { sslmode: "require" },
        rewind: { sslmode: "require" },
      },
      create_replica_methods: ["basebackup"],
      basebackup: [{ checkpoint: "fast" }],
    },
  };
}

/** Mount point of a member's volume; the data are in a folder of it, as its root is not Postgres' to restrict. */
export const dataFolder = "/var/lib/postgresql";
