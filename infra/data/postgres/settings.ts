import type { PostgresConfig } from "../../config";

/** A PostgreSQL parameter as Patroni takes it. */
export type Parameter = string | number;

/** The server's parameters: the sizes from the stack's configuration, and what is the same everywhere. */
export function postgresParameters({ settings, instances }: PostgresConfig): Record<string, Parameter> {
  return {
    ...sizes(settings),
    ...replication(instances),
    ...vacuum,
    ...sessions,
    ...logging,
    shared_preload_libraries: "pg_stat_statements",
    "pg_stat_statements.track": "all",
    track_io_timing: "on",
    // The image leaves the compiler out; short queries do not use it.
    jit: "off",
    ssl: "on",
    ssl_cert_file: `${tlsFolder}/server.crt`,
    ssl_key_file: `${tlsFolder}/server.key`,
    ssl_min_protocol_version: "TLSv1.2",
    password_encryption: "scram-sha-256",
  };
}

/** Where the image's entry point makes the pair that encrypts the wire; in memory, as its key is a secret. */
export const tlsFolder = "/run/postgresql/tls";

function sizes(settings: PostgresConfig["settings"]): Record<string, Parameter> {
  return {
    max_connections: settings.maxConnections,
    shared_buffers: settings.sharedBuffers.text,
    effective_cache_size: settings.effectiveCacheSize.text,
    work_mem: settings.workMem.text,
    maintenance_work_mem: settings.maintenanceWorkMem.text,
  };
}

function replication(instances: number): Record<string, Parameter> {
  return {
    wal_level: "replica",
    hot_standby: "on",
    hot_standby_feedback: "on",
    // Each member, a base backup of one that rejoins, and one to spare for an operator.
    max_wal_senders: 2 * instances + 1,
    max_replication_slots: 2 * instances + 1,
    // Lets a member that was away rejoin without a base backup.
    wal_keep_size: "512MB",
    max_wal_size: "1GB",
    wal_compression: "on",
    wal_log_hints: "on",
    checkpoint_timeout: "5min",
    checkpoint_completion_target: 0.9,
    // A peer that is cut off (no answer, no close) must be noticed well within the key's life, or commits wait for it.
    wal_sender_timeout: "5s",
    wal_receiver_timeout: "5s",
    // The pause before a standby connects to the new primary; the default of 5 s would be most of a failover.
    wal_retrieve_retry_interval: "250ms",
    wal_receiver_status_interval: "1s",
  };
}

const vacuum: Record<string, Parameter> = {
  autovacuum: "on",
  autovacuum_max_workers: 3,
  autovacuum_naptime: "15s",
  autovacuum_vacuum_scale_factor: 0.05,
  autovacuum_vacuum_insert_scale_factor: 0.1,
  autovacuum_analyze_scale_factor: 0.02,
  autovacuum_vacuum_cost_limit: 2000,
};

const sessions: Record<string, Parameter> = {
  // A client that vanished without a word gives its connection back within a minute.
  tcp_keepalives_idle: 30,
  tcp_keepalives_interval: 10,
  tcp_keepalives_count: 3,
  tcp_user_timeout: "30s",
  client_connection_check_interval: "5s",
  idle_in_transaction_session_timeout: "5min",
  lock_timeout: 0,
};

const logging: Record<string, Parameter> = {
  log_destination: "stderr",
  logging_collector: "off",
  log_line_prefix: "%m [%p] %q%u@%d/%a ",
  log_checkpoints: "on",
  log_lock_waits: "on",
  log_autovacuum_min_duration: "10s",
  log_min_duration_statement: "500ms",
  // A statement that sets a password would be written in full.
  log_statement: "none",
  log_min_error_statement: "panic",
  log_parameter_max_length: 0,
};

/** Who may connect and how: over TLS or the pod's own socket, always by password, never in clear. */
export const hostBasedAccess: readonly string[] = [
  "local all all scram-sha-256",
  "local replication all scram-sha-256",
  "hostssl replication replicator all scram-sha-256",
  "hostssl all all all scram-sha-256",
];
