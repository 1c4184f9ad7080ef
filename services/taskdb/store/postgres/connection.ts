import { createHash } from "node:crypto";
import type { ConnectionOptions } from "node:tls";
import { Kysely, PostgresDialect, type PostgresPool, type PostgresPoolClient } from "kysely";
import { type CustomTypesConfig, Pool, type PoolClient, type PoolConfig, types } from "pg";
import type { PostgresDatabase } from "../database";
import type { Schema } from "../schema";
import { isConnectionLost } from "./failure";

export interface PostgresOptions {
  /** `postgresql://user:password@host:port/database`; `sslmode` is disable, require or verify-full. */
  readonly url: string;
  /**
   * Asked for each new connection, so that a rotated password is taken up.
   * @default that of the URL
   */
  readonly password?: () => string | Promise<string>;
  /** @default by the URL's `sslmode`; none without */
  readonly ssl?: ConnectionOptions;
  /** @default "taskdb" */
  readonly applicationName?: string;
  /**
   * Connections at most.
   * @default 20
   */
  readonly poolSize?: number;
  /**
   * How long a statement waits for a connection, in milliseconds.
   * @default 2000
   */
  readonly acquireTimeoutMs?: number;
  /**
   * How long a statement may take, in milliseconds; 0 is without a limit.
   * @default 5000
   */
  readonly statementTimeoutMs?: number;
  /**
   * How long a statement may wait for a lock, in milliseconds; 0 is without a limit.
   * @default 3000
   */
  readonly lockTimeoutMs?: number;
  /**
   * How long a transaction may be idle, in milliseconds; 0 is without a limit.
   * @default 10000
   */
  readonly idleInTransactionTimeoutMs?: number;
}

/** The server cancels a statement itself; this long after, in milliseconds, the connection counts as lost. */
const answerGraceMs = 2000;

export function openPostgres(options: PostgresOptions): PostgresDatabase {
  const pool = new Pool(poolConfig(options));
  // An idle connection that breaks is replaced when the next one is needed.
  pool.on("error", () => undefined);
  // One that breaks while it is in use fails its statement; without this it would end the process, too.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const db = new Kysely<Schema>({ dialect: new PostgresDialect({ pool: prepared(pool) }) });
  return { backend: "postgres", db, pool, close: () => (pool.ending ? Promise.resolve() : pool.end()) };
}

function poolConfig(options: PostgresOptions): PoolConfig {
  const { statementTimeoutMs = 5000, lockTimeoutMs = 3000, idleInTransactionTimeoutMs = 10_000 } = options;
  const { ssl, ...server } = parse(options.url);
  return {
    ...server,
    password: options.password ?? server.password,
    ssl: options.ssl ?? ssl,
    application_name: options.applicationName ?? "taskdb",
    max: options.poolSize ?? 20,
    connectionTimeoutMillis: options.acquireTimeoutMs ?? 2000,
    keepAlive: true,
    query_timeout: statementTimeoutMs === 0 ? undefined : statementTimeoutMs + answerGraceMs,
    options: [
      "timezone=UTC",
      `statement_timeout=${statementTimeoutMs}`,
      `lock_timeout=${lockTimeoutMs}`,
      `idle_in_transaction_session_timeout=${idleInTransactionTimeoutMs}`,
    ]
      .map((setting) => `-c ${setting}`)
      .join(" "),
    types: parsers,
  };
}

function parse(text: string): Pick<PoolConfig, "host" | "port" | "user" | "password" | "database" | "ssl"> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^postgres(ql)?:$/.test(url.protocol) || url.pathname.length < 2) {
    // Not the text itself: it may have a password in it.
    throw new Error(
      "the URL of PostgreSQL cannot be read; it must be as in postgresql://user:password@host:5432/taskdb",
    );
  }
  const mode = url.searchParams.get("sslmode") ?? "disable";
  if (!["disable", "require", "verify-full"].includes(mode)) {
    throw new Error(`sslmode=${mode} in the URL of PostgreSQL is not supported; use disable, require or verify-full`);
  }
  return {
    host: url.searchParams.get("host") ?? decodeURIComponent(url.hostname),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database: decodeURIComponent(url.pathname.slice(1)),
    ssl: mode === "disable" ? undefined : { rejectUnauthorized: mode === "verify-full" },
  };
}

/** A `Date` has milliseconds only; and what is counted here is far below 2^53. */
const own: Partial<Record<number, (text: string) => unknown>> = {
  [types.builtins.TIMESTAMPTZ]: (text) => {
    const [, date, time, fraction = ""] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d+))?\+00$/.exec(text) ?? [];
    if (!date || !time) throw new Error(`PostgreSQL gave the time ${text}, which is not in UTC or not of this era`);
    return `${date}T${time}.${fraction.padEnd(6, "0")}Z`;
  },
  [types.builtins.INT8]: Number,
};
const parsers: CustomTypesConfig = {
  getTypeParser: (id: number, format?: "text" | "binary") =>
    own[id] ?? (types.getTypeParser(id, format) as (text: string) => unknown),
};

const names = new Map<string, string>();
/** The server parses and plans a statement once a connection when it has a name. */
function nameOf(text: string): string | undefined {
  if (!/^\s*(select|with|insert|update|delete)\b/i.test(text)) return undefined;
  let name = names.get(text);
  if (!name) names.set(text, (name = createHash("sha256").update(text).digest("base64url").slice(0, 22)));
  return name;
}

/** Kysely's view of the pool: statements are prepared, and a connection that failed does not come back. */
function prepared(pool: Pool): PostgresPool {
  const clients = new WeakMap<PoolClient, PostgresPoolClient>();
  return {
    connect: async () => {
      const client = await pool.connect();
      let wrapped = clients.get(client);
      if (!wrapped) clients.set(client, (wrapped = wrap(client)));
      return wrapped;
    },
    end: () => pool.end(),
  };
}

function wrap(client: PoolClient): PostgresPoolClient {
  let broken = false;
  const query = async (text: string, values: readonly unknown[]) => {
    try {
      return await client.query({ name: nameOf(text), text, values: [...values] });
    } catch (error) {
      broken ||= isConnectionLost(error);
      throw error;
    }
  };
  return { query, release: () => client.release(broken) } as unknown as PostgresPoolClient;
}
