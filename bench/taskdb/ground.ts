import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { build } from "esbuild";
import { Pool as HttpPool } from "undici";
import { TaskDBLoadGenerator } from "../../services/taskdb/generate/generator";
import type { Scale } from "../../services/taskdb/generate/dataset";
import { sealEvents } from "../../services/taskdb/log/seal";
import type { PostgresDatabase } from "../../services/taskdb/store/database";
import { Server } from "../../services/taskdb/store/testing/server";
import { root } from "../program";

/** PostgreSQL as the documents set it (T-74), and as it runs: what is acknowledged is on the disk. */
const SETTINGS = {
  fsync: "on",
  log_statement: "none",
  shared_preload_libraries: "pg_stat_statements",
  max_connections: "200",
  shared_buffers: "256MB",
  effective_cache_size: "1GB",
  work_mem: "4MB",
  maintenance_work_mem: "64MB",
  // The service's statements are read whole.
  track_activity_query_size: "16384",
  // A full load writes more than the default lets pass between two checkpoints.
  max_wal_size: "4GB",
};

/** As a database is that has grown to its size day by day: what a load leaves to be done would be measured beside the requests. */
const SETTLING = ["VACUUM (ANALYZE)", "CHECKPOINT"];

/** Its database's rows are the generator's, for the same seed always the same. */
export class TaskDbGround {
  private readonly services: Running[] = [];

  private constructor(
    private readonly server: Server,
    readonly database: PostgresDatabase & { readonly name: string },
    private readonly folder: string,
    /** Of the load, by the generator's own announcement. */
    readonly loadSeconds: number,
  ) {}

  static async start(folder: string, scale: Scale): Promise<TaskDbGround> {
    const server = await Server.start({ settings: SETTINGS });
    try {
      const database = await server.migrated();
      const owner = await server.open(database.name, "migrator", { statementTimeoutMs: 0, poolSize: 2 });
      const started = performance.now();
      await new TaskDBLoadGenerator(owner).generateSyntheticDataset(scale);
      const loadSeconds = (performance.now() - started) / 1000;
      while ((await sealEvents(owner)) > 0);
      await owner.close();
      for (const each of SETTLING) await server.instance.query(each, [], database.name);
      await server.instance.query("CREATE EXTENSION pg_stat_statements", [], database.name);
      return new TaskDbGround(server, database, folder, loadSeconds);
    } catch (error) {
      await server.remove();
      throw error;
    }
  }

  /** As the superuser, in the task database. */
  query(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return this.server.instance.query(sql, values, this.database.name);
  }

  /** How programs of PostgreSQL's find the server: as the superuser, whose password stays off the command line. */
  get environment(): NodeJS.ProcessEnv {
    const { port, password } = this.server.instance;
    return {
      ...process.env,
      PGHOST: "127.0.0.1",
      PGPORT: String(port),
      PGUSER: "postgres",
      PGPASSWORD: password,
      PGDATABASE: this.database.name,
    };
  }

  /** The service as its image runs it: one bundle, one process, the application's role, the defaults. */
  async serve(): Promise<Running> {
    const bundle = join(this.folder, "taskdb.cjs");
    await build({
      entryPoints: [join(root, "services/taskdb/main.ts")],
      bundle: true,
      platform: "node",
      external: ["libsql", "pg-native"],
      outfile: bundle,
      logLevel: "error",
    });
    const { name } = this.database;
    const running = await Running.start(bundle, {
      TASKDB_BACKEND: "postgres",
      TASKDB_POSTGRES_URL: `postgresql://${name}_app:${name}@127.0.0.1:${this.server.instance.port}/${name}`,
      TASKDB_HOST: "127.0.0.1",
      TASKDB_PORT: String(await freePort()),
      TASKDB_METRICS_PORT: String(await freePort()),
      TASKDB_LOG_LEVEL: "warn",
    });
    this.services.push(running);
    return running;
  }

  /** Ids of tasks, drawn at random by the server. */
  async tasks(count: number): Promise<string[]> {
    const rows = await this.query("SELECT id FROM tasks ORDER BY random() LIMIT $1", [count]);
    return rows.map(({ id }) => String(id));
  }

  async remove(): Promise<void> {
    for (const service of this.services) await service.stop();
    await this.server.remove();
  }
}

/** A process of the service. */
export class Running {
  readonly http: HttpPool;

  private constructor(
    private readonly child: ChildProcess,
    readonly origin: string,
  ) {
    this.http = new HttpPool(origin, { connections: 200, pipelining: 1 });
  }

  static async start(bundle: string, variables: Readonly<Record<string, string>>): Promise<Running> {
    const child = spawn(process.execPath, [bundle, "serve"], {
      env: { PATH: process.env.PATH, ...variables },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const running = new Running(child, `http://127.0.0.1:${variables.TASKDB_PORT}`);
    for (;;) {
      if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}: ${said.slice(-1000)}`);
      const ready = await running.get("/readyz").catch(() => undefined);
      if (ready?.status === 200) return running;
      await delay(50);
    }
  }

  get(path: string): Promise<Answer> {
    return this.request("GET", path);
  }

  post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.request("POST", path, JSON.stringify(body), { "content-type": "application/json", ...headers });
  }

  /** Resident memory, MiB. */
  async memory(): Promise<number> {
    const status = await readFile(`/proc/${this.child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  }

  async stop(): Promise<void> {
    await this.http.destroy();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGKILL");
    await ended;
  }

  private async request(
    method: "GET" | "POST",
    path: string,
    body?: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer> {
    const { statusCode, body: answer } = await this.http.request({
      method,
      path,
      ...(body !== undefined && { body }),
      ...(headers && { headers: { ...headers } }),
    });
    return { status: statusCode, text: await answer.text() };
  }
}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** @throws when the answer is no success: a measurement of failures would be worth nothing */
export function succeeded({ status, text }: Answer): string {
  if (status >= 300) throw new Error(`the service answered ${status}: ${text.slice(0, 500)}`);
  return text;
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  return port;
}
