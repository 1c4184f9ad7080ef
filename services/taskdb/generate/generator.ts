import type { Database, PostgresDatabase, SqliteDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { insertInto } from "./batches";
import { copyInto } from "./copy";
import { Dataset, type Scale, type Sizes } from "./dataset";
import { lines, type Progress } from "../progress";

export interface GenerateOptions extends Scale {
  /**
   * What becomes of the rows that are there: `refuse` takes an empty database only, `append` leaves them, `replace` takes
   * away what an earlier load has made, and no other rows.
   * @default "refuse"
   */
  readonly present?: "refuse" | "append" | "replace";
}

export interface GeneratorHooks {
  /**
   * Told of start and end.
   * @default silent
   */
  readonly say?: (text: string) => void;
  /** @default silent */
  readonly progress?: Progress;
}

/** Of maintenance_work_mem: indexes of ten million keys are made at the end. */
const INDEX_MEMORY = "256MB";
/** Another load or a migration is at work; it may take minutes, and waiting for it unseen helps nobody. */
const LOCK_TIMEOUT = "10s";

/** Fills a database with synthetic rows: the same for the same seed, consistent with their events, whole or not at all. */
export class TaskDBLoadGenerator {
  constructor(
    private readonly database: Database,
    private readonly hooks: GeneratorHooks = {},
  ) {}

  async generateSyntheticDataset({ present = "refuse", ...scale }: GenerateOptions = {}): Promise<Sizes> {
    const data = new Dataset(scale);
    const { say = () => undefined, progress = lines(() => undefined) } = this.hooks;
    const sizes = Object.entries(data.sizes).map(([table, count]) => `${count} ${table}`);
    say(`generating ${sizes.join(", ")} into ${this.database.backend} …`);
    const started = performance.now();
    if (present === "replace") await this.clear();
    try {
      if (this.database.backend === "postgres") await load(this.database, data, present === "append", progress);
      else await write(this.database, data, present === "append", progress);
    } catch (error) {
      throw explained(error);
    } finally {
      progress.end();
    }
    say(`generated ${sizes.join(", ")} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return data.sizes;
  }

  private async clear(): Promise<void> {
    const { db } = this.database;
    const [tasks, reports] = [
      await db
        .selectFrom("tasks")
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .where("title", "not like", "Synthetic Task %")
        .executeTakeFirstOrThrow(),
      await db
        .selectFrom("reports")
        .select(({ fn }) => fn.countAll<number>().as("count"))
        .executeTakeFirstOrThrow(),
    ];
    if (Number(tasks.count) + Number(reports.count) > 0)
      throw new Error(
        `--replace: the database holds ${tasks.count} tasks and ${reports.count} reports that no load has made; nothing was changed. Take another database, or --append`,
      );
    await migrate(this.database, "empty");
    await migrate(this.database, "up");
  }
}

const occupied = (): Error =>
  new Error(
    "the database is not empty and was left as it is; --append adds to it, --replace takes away what an earlier load has made",
  );

async function load({ pool }: PostgresDatabase, data: Dataset, append: boolean, progress: Progress): Promise<void> {
  const client = await pool.connect();
  let failed = true;
  try {
    await client.query("BEGIN");
    await client.query(`SET LOCAL statement_timeout = 0`);
    await client.query(`SET LOCAL idle_in_transaction_session_timeout = 0`);
    await client.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query(`SET LOCAL maintenance_work_mem = '${INDEX_MEMORY}'`);
    await client.query("LOCK TABLE tasks, runs, gates, artifacts, events IN SHARE ROW EXCLUSIVE MODE");
    const { rows } = await client.query<{ found: boolean }>(
      "SELECT EXISTS (SELECT FROM tasks) OR EXISTS (SELECT FROM events_all) OR EXISTS (SELECT FROM reports) AS found",
    );
    const found = rows[0]?.found ?? true;
    if (found && !append) throw occupied();
    await copyInto(client, data, { takeApart: !found, progress });
    await client.query("COMMIT");
    failed = false;
    // Else the first queries are planned for empty tables.
    await client.query("ANALYZE tasks, runs, gates, artifacts, events, task_status");
  } finally {
    // The server rolls a broken connection's transaction back.
    client.release(failed);
  }
}

async function write({ file }: SqliteDatabase, data: Dataset, append: boolean, progress: Progress): Promise<void> {
  file.exec("BEGIN IMMEDIATE");
  try {
    const found = ["tasks", "events_all", "reports"].some(
      (table) => file.prepare(`SELECT 1 FROM ${table} LIMIT 1`).get([]) !== undefined,
    );
    if (found && !append) throw occupied();
    await insertInto(file, data, progress);
    file.exec("COMMIT");
  } catch (error) {
    file.exec("ROLLBACK");
    throw error;
  }
  file.exec("ANALYZE");
}

/** What a user can do about the failures that a user can cause. */
function explained(error: unknown): unknown {
  const { code, message } = error as { code?: string; message?: string };
  if (code === "23505" || code?.startsWith("SQLITE_CONSTRAINT"))
    return new Error(`rows of this seed are there already; nothing was changed. Take another --seed (${message})`, {
      cause: error,
    });
  if (code === "55P03")
    return new Error("the tables are in use by another load or a migration; nothing was changed. Try again later", {
      cause: error,
    });
  if (code === "42501")
    return new Error(`a load needs the login that owns the tables; nothing was changed (${message})`, { cause: error });
  return error;
}
