import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { DatabaseOptions } from "./store/database";

/** Every environment variable of the task database, once: what it means, what it may be, and what it is when left out. */

const whole = (least: number, most: number) =>
  z
    .string()
    .regex(/^\d{1,12}$/, { error: `must be a whole number from ${least} to ${most}` })
    .transform(Number)
    .refine((value) => value >= least && value <= most, { error: `must be a whole number from ${least} to ${most}` });
const flag = z.enum(["true", "false"], { error: "must be true or false" }).transform((value) => value === "true");
const path = z.string().min(1, { error: "must be a path; leave it out for the default" });

const variables = z.object({
  TASKDB_BACKEND: z
    .enum(["sqlite", "postgres"], { error: "must be sqlite or postgres" })
    .describe("database that holds the tasks: sqlite or postgres"),
  TASKDB_POSTGRES_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be as in postgresql://taskdb:<password>@localhost:5432/taskdb" })
    .optional()
    .describe(
      "PostgreSQL's address; without it libpq's PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, PGSSLMODE count",
    ),
  TASKDB_POSTGRES_PASSWORD_FILE: path
    .optional()
    .describe("file with the password, read for each new connection, so that it may be rotated"),
  TASKDB_SQLITE_PATH: path.default("taskdb.sqlite").describe("file of the SQLite database, or :memory:"),
  TASKDB_HOST: z.string().min(1).default("0.0.0.0").describe("address to listen on"),
  TASKDB_PORT: whole(0, 65_535).default(8080).describe("port of the API"),
  TASKDB_ENABLE_METRICS: flag.default(true).describe("whether metrics are served"),
  TASKDB_METRICS_PORT: whole(0, 65_535).default(9091).describe("port of /metrics"),
  TASKDB_ENABLE_PROFILING: flag
    .default(false)
    .describe("whether SIGUSR2 writes a CPU profile of 10 s and a heap snapshot to TASKDB_PROFILES_DIR"),
  TASKDB_PROFILES_DIR: path.default("/tmp").describe("folder of profiles"),
  TASKDB_POOL_SIZE: whole(1, 200).default(20).describe("connections to PostgreSQL at most"),
  TASKDB_POOL_TIMEOUT_MS: whole(100, 60_000).default(3000).describe("wait for a connection at most, in ms"),
  TASKDB_STATEMENT_TIMEOUT_MS: whole(100, 600_000).default(5000).describe("a statement takes at most, in ms"),
  TASKDB_LOCK_TIMEOUT_MS: whole(100, 600_000).default(2000).describe("a statement waits for a lock at most, in ms"),
  TASKDB_IDLE_TRANSACTION_TIMEOUT_MS: whole(100, 600_000)
    .default(10_000)
    .describe("PostgreSQL ends a transaction that does nothing after, in ms"),
  TASKDB_MAX_IN_FLIGHT: whole(1, 100_000)
    .default(200)
    .describe("requests worked on at once, those that wait for a connection included; more get 503 with Retry-After"),
  TASKDB_BODY_LIMIT_BYTES: whole(1024, 104_857_600).default(1_048_576).describe("a request's body at most, in bytes"),
  TASKDB_REQUEST_TIMEOUT_MS: whole(100, 600_000)
    .default(30_000)
    .describe("a client has this long to send a request, in ms"),
  TASKDB_DRAIN_DELAY_MS: whole(0, 600_000)
    .default(5000)
    .describe("after SIGTERM /readyz fails this long before connections are refused, in ms"),
  TASKDB_DRAIN_TIMEOUT_MS: whole(100, 600_000)
    .default(25_000)
    .describe("after SIGTERM the process ends within, in ms; below the pod's grace period"),
  TASKDB_MAINTENANCE_INTERVAL_MS: whole(100, 86_400_000)
    .default(10_000)
    .describe("pause between rounds of upkeep (seals, archive, expired keys), in ms"),
  TASKDB_EVENT_RETENTION_DAYS: whole(1, 36_500)
    .default(90)
    .describe("events older than this go to the archive, in days"),
  TASKDB_IDEMPOTENCY_HOURS: whole(1, 8760).default(24).describe("an idempotency key is kept for, in hours"),
  TASKDB_ARTIFACTS_DIR: path.default("artifacts").describe("folder of the artifacts' files"),
  TASKDB_LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error", "silent"], { error: "must be debug, info, warn, error or silent" })
    .default("info")
    .describe("least level that is logged"),
});

/** Variables whose values are never shown. */
const secret: readonly string[] = ["TASKDB_POSTGRES_URL"];

export interface Settings {
  readonly database: DatabaseOptions;
  readonly upkeep: {
    /** Events older than this go to the archive. */
    readonly eventRetentionDays: number;
    /** An idempotency key is kept for this long. */
    readonly idempotencyHours: number;
  };
  readonly http: {
    readonly host: string;
    readonly port: number;
    /** Requests worked on at once. */
    readonly maxInFlight: number;
    readonly bodyLimitBytes: number;
    readonly requestTimeoutMs: number;
  };
  readonly drain: {
    /** From the signal until connections are refused, in ms. */
    readonly delayMs: number;
    /** From the signal until the process ends in any case, in ms. */
    readonly timeoutMs: number;
  };
  /** Port of the metrics; undefined when they are off. */
  readonly metricsPort: number | undefined;
  /** Folder of profiles; undefined when profiling is off. */
  readonly profilesDir: string | undefined;
  readonly maintenanceIntervalMs: number;
  readonly artifactsDir: string;
  readonly logLevel: "debug" | "info" | "warn" | "error" | "silent";
}

/** The environment does not fit; its message names each variable, its value and what is right. */
export class SettingsError extends Error {}

/** Of the process's environment; throws `SettingsError`. */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const known = Object.fromEntries(
    Object.keys(variables.shape)
      .map((name) => [name, environment[name]] as const)
      .filter(([, value]) => value !== undefined && value !== "" && !ofServices.test(value)),
  );
  const parsed = variables.safeParse(known);
  const problems = [
    ...(parsed.error?.issues ?? []).map(({ path: [name], message }) => complaint(String(name), known, message)),
    ...unknownNames(environment),
  ];
  if (!parsed.success || problems.length > 0) throw new SettingsError(problems.join("\n"));
  const env = parsed.data;
  if (env.TASKDB_DRAIN_DELAY_MS >= env.TASKDB_DRAIN_TIMEOUT_MS) {
    throw new SettingsError(
      `TASKDB_DRAIN_DELAY_MS (${env.TASKDB_DRAIN_DELAY_MS}) must be less than TASKDB_DRAIN_TIMEOUT_MS (${env.TASKDB_DRAIN_TIMEOUT_MS})`,
    );
  }
  return {
    database: databaseOf(env, environment),
    upkeep: { eventRetentionDays: env.TASKDB_EVENT_RETENTION_DAYS, idempotencyHours: env.TASKDB_IDEMPOTENCY_HOURS },
    http: {
      host: env.TASKDB_HOST,
      port: env.TASKDB_PORT,
      maxInFlight: env.TASKDB_MAX_IN_FLIGHT,
      bodyLimitBytes: env.TASKDB_BODY_LIMIT_BYTES,
      requestTimeoutMs: env.TASKDB_REQUEST_TIMEOUT_MS,
    },
    drain: { delayMs: env.TASKDB_DRAIN_DELAY_MS, timeoutMs: env.TASKDB_DRAIN_TIMEOUT_MS },
    metricsPort: env.TASKDB_ENABLE_METRICS ? env.TASKDB_METRICS_PORT : undefined,
    profilesDir: env.TASKDB_ENABLE_PROFILING ? env.TASKDB_PROFILES_DIR : undefined,
    maintenanceIntervalMs: env.TASKDB_MAINTENANCE_INTERVAL_MS,
    artifactsDir: env.TASKDB_ARTIFACTS_DIR,
    logLevel: env.TASKDB_LOG_LEVEL,
  };
}

function databaseOf(
  env: z.output<typeof variables>,
  environment: Readonly<Record<string, string | undefined>>,
): DatabaseOptions {
  if (env.TASKDB_BACKEND === "sqlite") return { backend: "sqlite", path: env.TASKDB_SQLITE_PATH };
  const file = env.TASKDB_POSTGRES_PASSWORD_FILE;
  const given = environment.PGPASSWORD;
  const password =
    file !== undefined
      ? async () => (await readFile(file, "utf8")).trimEnd()
      : env.TASKDB_POSTGRES_URL === undefined && given !== undefined
        ? () => given
        : undefined;
  return {
    backend: "postgres",
    url: env.TASKDB_POSTGRES_URL ?? urlOfLibpq(environment),
    ...(password && { password }),
    poolSize: env.TASKDB_POOL_SIZE,
    acquireTimeoutMs: env.TASKDB_POOL_TIMEOUT_MS,
    statementTimeoutMs: env.TASKDB_STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: env.TASKDB_LOCK_TIMEOUT_MS,
    idleInTransactionTimeoutMs: env.TASKDB_IDLE_TRANSACTION_TIMEOUT_MS,
  };
}

/** Of the variables that every client of PostgreSQL knows. */
function urlOfLibpq(environment: Readonly<Record<string, string | undefined>>): string {
  const {
    PGHOST: host,
    PGPORT: port = "5432",
    PGUSER: user = "taskdb",
    PGDATABASE = "taskdb",
    PGSSLMODE,
  } = environment;
  if (host === undefined || host === "") {
    throw new SettingsError(
      "TASKDB_BACKEND is postgres, and neither TASKDB_POSTGRES_URL nor PGHOST says where PostgreSQL is: set one of them",
    );
  }
  if (!/^\d{1,5}$/.test(port))
    throw new SettingsError(`the environment variable PGPORT is ${JSON.stringify(port)}: it must be a port`);
  const place = host.includes(":") ? `[${host}]` : host;
  const mode = PGSSLMODE === undefined ? "" : `?sslmode=${encodeURIComponent(PGSSLMODE)}`;
  return `postgresql://${encodeURIComponent(user)}@${place}:${port}/${encodeURIComponent(PGDATABASE)}${mode}`;
}

function complaint(name: string, values: Readonly<Record<string, string | undefined>>, message: string): string {
  const value = values[name];
  if (value === undefined) return `the environment variable ${name} is not set: it ${message}`;
  const shown = secret.includes(name) ? "(not shown)" : JSON.stringify(value.slice(0, 100));
  return `the environment variable ${name} is ${shown}: it ${message}`;
}

/** A slip in a name would else leave the default in force. */
function unknownNames(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith("TASKDB_") && !(name in variables.shape) && !ofKubernetes.test(name))
    .map((name) => `the environment variable ${name} is unknown: see "taskdb serve --help" for those that there are`);
}

/** A Service named `taskdb` puts variables into the pods of its namespace, `TASKDB_PORT=tcp://…` among them. */
const ofServices = /^(tcp|udp):\/\//;
const ofKubernetes = /_SERVICE_(HOST|PORT)|_PORT(_\d+_(TCP|UDP)|$)/;

/** For `--help`. */
export function settingsHelp(): string {
  const rows = Object.entries(variables.shape).map(([name, type]) => {
    const preset: unknown = type.def.type === "default" ? type.def.defaultValue : undefined;
    return `  ${name.padEnd(35)} ${type.description ?? ""}${preset === undefined ? "" : ` (default ${String(preset)})`}`;
  });
  return `\nEnvironment:\n${rows.join("\n")}\n`;
}
