import { setTimeout as delay } from "node:timers/promises";
import { DatabaseError, Pool, type PoolClient, type PoolConfig } from "pg";
import type { Settings } from "./settings";

/** Longest time that a failover may take before we give up, in seconds from the first failure. */
const PATIENCE_SECONDS = 30;
const CONNECT_SECONDS = 10;
/** Changes are made one at a time, so more would only wait. */
const CONNECTIONS = 4;
/** A server cut off from the network answers nothing at all: this long is waited for one statement. */
const STATEMENT_SECONDS = 60;
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 2000;

export type Row = Record<string, unknown>;

/** One connection, while some work holds it. */
export interface Session {
  query(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** True when an earlier try of the same work may have taken effect without our hearing of it. */
  readonly maybeDone: boolean;
}

/** The server cannot be reached, or stayed without a writable primary. */
export class UnavailableError extends Error {}

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof DatabaseError && error.code !== undefined && codes.includes(error.code);

type Trouble = "connection" | "read-only" | "contention";

/** Why an operation may succeed when tried again; undefined when it will not. */
function troubleOf(error: unknown): Trouble | undefined {
  if (error instanceof DatabaseError) {
    const code = error.code ?? "";
    if (code === "25006") return "read-only";
    if (/^(57P0[123]|08|53300)/.test(code)) return "connection";
    if (["40001", "40P01", "55P03", "55006"].includes(code)) return "contention";
    if (code === "XX000" && /tuple concurrently/.test(error.message)) return "contention";
    // Two sessions made the same catalogue row; the second look finds it.
    if (code === "23505" && error.table?.startsWith("pg_")) return "contention";
    return undefined;
  }
  if (!(error instanceof Error)) return undefined;
  const code = (error as NodeJS.ErrnoException).code ?? "";
  if (/^(ECONN|ETIMEDOUT|EPIPE|EHOST|ENET|EAI_AGAIN)/.test(code)) return "connection";
  return /Connection terminated|timeout exceeded when trying to connect|Query read timeout|not queryable/.test(
    error.message,
  )
    ? "connection"
    : undefined;
}

/** Catalogue changes of one server are made one after another: PostgreSQL rejects concurrent ones of the same row. */
const queues = new Map<string, Promise<void>>();

function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const result = (queues.get(key) ?? Promise.resolve()).then(work);
  const settled = () => undefined;
  queues.set(key, result.then(settled, settled));
  return result;
}

/** Lets at most `limit` pieces of work run at once. */
class Slots {
  private readonly waiting: (() => void)[] = [];
  constructor(private free: number) {}

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free += 1;
    }
  }
}

export class Server {
  private readonly pools = new Map<string, Pool>();
  private readonly slots: Slots;
  private tls: boolean;

  constructor(
    readonly settings: Settings,
    private readonly signal: AbortSignal,
    /** Told why an operation is about to be tried again. */
    private readonly onWait: (reason: string) => void = () => undefined,
  ) {
    this.tls = settings.sslmode !== "disable" && settings.sslmode !== "allow";
    this.slots = new Slots(Math.min(settings.maxConnections || CONNECTIONS, CONNECTIONS));
  }

  /** For queries that change nothing. */
  read<T>(database: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.persist(database, work);
  }

  /** For changes: a transaction, alone on this server as far as we can see to it. */
  write<T>(database: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.persist(database, (session) =>
      this.alone(async () => {
        await session.query("BEGIN");
        try {
          await session.query("SELECT pg_advisory_xact_lock(hashtext('ballast'))");
          const result = await work(session);
          await session.query("COMMIT");
          return result;
        } catch (error) {
          if (troubleOf(error) !== "connection") await session.query("ROLLBACK");
          throw error;
        }
      }),
    );
  }

  /** For changes that cannot stand in a transaction, such as those of databases. */
  writeDirectly<T>(database: string, work: (session: Session) => Promise<T>): Promise<T> {
    return this.persist(database, (session) => this.alone(() => work(session)));
  }

  /** Ends our own connections to `database`, which would stand in the way of dropping or renaming it. */
  async leave(database: string): Promise<void> {
    const pool = this.pools.get(database);
    this.pools.delete(database);
    await pool?.end();
  }

  async close(): Promise<void> {
    await Promise.all([...this.pools.keys()].map((database) => this.leave(database)));
  }

  private alone<T>(work: () => Promise<T>): Promise<T> {
    return inTurn(`${this.settings.host}:${this.settings.port}`, work);
  }

  /** Tries again while a failover is under way, on new connections: the old ones lead to the old primary. */
  private async persist<T>(database: string, work: (session: Session) => Promise<T>): Promise<T> {
    const patience = Math.min(PATIENCE_SECONDS, this.settings.connectTimeout || PATIENCE_SECONDS);
    let firstFailure: number | undefined;
    let maybeDone = false;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.6, LONGEST_PAUSE_MS)) {
      const outcome = await this.slots.use(() => this.attempt(database, maybeDone, work));
      if ("result" in outcome) return outcome.result;
      const { error, trouble } = outcome;
      maybeDone ||= outcome.connected && trouble === "connection";
      firstFailure ??= Date.now();
      if (Date.now() - firstFailure > patience * 1000) throw this.explained(error, trouble, database, patience);
      if (trouble !== "contention") {
        this.onWait(`waiting for PostgreSQL at ${this.settings.host}:${this.settings.port}: ${reasonOf(error)}`);
        await this.leave(database);
      }
      await delay(pause, undefined, { signal: this.signal });
    }
  }

  /** One try; rejects when another would be no use. */
  private async attempt<T>(
    database: string,
    maybeDone: boolean,
    work: (session: Session) => Promise<T>,
  ): Promise<{ result: T } | { error: unknown; trouble: Trouble; connected: boolean }> {
    let client: PoolClient | undefined;
    try {
      client = await this.connect(database);
      // Ended by the server between two statements it would end the process; the next statement tells.
      client.on("error", ignored);
      const result = await work(session(client, maybeDone));
      client.off("error", ignored);
      client.release();
      return { result };
    } catch (error) {
      const trouble = troubleOf(error);
      const broken = trouble === "connection" || trouble === "read-only";
      if (!broken) client?.off("error", ignored);
      client?.release(broken);
      if (trouble === undefined) throw error;
      return { error, trouble, connected: client !== undefined };
    }
  }

  private explained(error: unknown, trouble: Trouble, database: string, patience: number): Error {
    if (trouble === "contention") return error as Error;
    const { host, port, username } = this.settings;
    const where = `PostgreSQL at ${host}:${port}, database "${database}", user "${username}"`;
    const problem =
      trouble === "read-only" ? `stayed read-only (no primary behind this address?)` : `cannot be reached`;
    return new UnavailableError(`${where}: ${problem} for ${patience} s: ${reasonOf(error)}`, { cause: error });
  }

  private async connect(database: string): Promise<PoolClient> {
    this.signal.throwIfAborted();
    try {
      return await this.pool(database).connect();
    } catch (error) {
      const optional = this.settings.sslmode === "prefer";
      if (!optional || !this.tls || !/does not support SSL/.test((error as Error).message)) throw error;
      this.tls = false;
      await this.leave(database);
      return this.pool(database).connect();
    }
  }

  private pool(database: string): Pool {
    const existing = this.pools.get(database);
    if (existing) return existing;
    const { host, port, username, password, connectTimeout, tls } = this.settings;
    const seconds = Math.min(CONNECT_SECONDS, connectTimeout || CONNECT_SECONDS);
    const config: PoolConfig = {
      host,
      port,
      user: username,
      database,
      ssl: this.tls ? { ...tls } : false,
      connectionTimeoutMillis: seconds * 1000,
      query_timeout: STATEMENT_SECONDS * 1000,
      idleTimeoutMillis: 1000,
      max: CONNECTIONS,
      keepAlive: true,
      application_name: "ballast",
      allowExitOnIdle: true,
    };
    if (password !== undefined) config.password = password;
    const pool = new Pool(config);
    // A connection that breaks while idle is replaced by the pool; the next query tells if the server is gone.
    pool.on("error", ignored);
    this.pools.set(database, pool);
    return pool;
  }
}

const ignored = () => undefined;

/** Several addresses of one host that all refuse come as an error without a message. */
function reasonOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || "no answer";
}

function session(client: PoolClient, maybeDone: boolean): Session {
  return {
    maybeDone,
    query: async (sql, values) => (await client.query<Row>(sql, values ? [...values] : undefined)).rows,
  };
}
