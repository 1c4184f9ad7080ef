import { type Kysely, sql } from "kysely";
import type { Database } from "../store/database";
import { migrate } from "../store/migrate";
import type { Schema } from "../store/schema";
import { readEvents } from "./events";
import { type ExportDigest, exportDigest, inSnapshot } from "./export";
import { canonicalEvent, type LoggedEvent } from "./leaf";
import { replay } from "./replay";
import { entityTables } from "./tables";
import { newestSeal, readSeals, verifySeals } from "./verify";

export interface RebuildOptions {
  /**
   * Whether the log is held against its seals first.
   * @default true
   */
  readonly verify?: boolean;
  /**
   * Events that are replayed in one transaction.
   * @default 1000
   */
  readonly batchEvents?: number;
  /** Called with what is being done, and how much of it is done. */
  readonly onProgress?: (
    step: "verify" | "replay" | "hash source" | "hash target",
    done: number,
    total: number,
  ) => void;
}

export interface Rebuilt {
  /** Events that this run replayed; the others were there from a run that was interrupted. */
  readonly replayed: number;
  readonly source: ExportDigest;
  readonly target: ExportDigest;
  /** Tables whose digests differ; none when the log carried everything. */
  readonly differing: readonly string[];
}

/** The log does not fit its seals: nothing is built on it. */
export class BrokenLog extends Error {}
/** The target holds what did not come from this log. */
export class TargetNotEmpty extends Error {}

/**
 * Replays the log of one database into another, an empty one or one that an earlier run did not finish, and holds both
 * states against each other. The source is read as it is at one moment.
 */
export async function rebuild(from: Database, to: Database, options: RebuildOptions = {}): Promise<Rebuilt> {
  const { verify = true, batchEvents = 1000, onProgress } = options;
  await migrate(to, "up");
  return inSnapshot(from, async (source) => {
    const { rows } = await sql<{ total: number; last: number }>`
      SELECT count(*) AS total, COALESCE(max(seq), 0) AS last FROM events_all`.execute(source);
    const { total = 0, last = 0 } = rows[0] ?? {};
    if (verify) {
      const { breach } = await verifySeals(source, { onProgress: (events) => onProgress?.("verify", events, total) });
      if (breach) {
        throw new BrokenLog(
          `the event log does not fit its seals: batch ${breach.batch}: ${breach.problem}; rebuild from a backup that "taskdb verify" passes, or with --no-verify to take the log as it is`,
        );
      }
    }
    const there = await commonPart(source, to.db);
    let done = there.events;
    await inBatches(readEvents(source, { after: there.last, upTo: last }), batchEvents, async (batch) => {
      await to.db.transaction().execute((db) => replay(to, db, batch));
      done += batch.length;
      onProgress?.("replay", done, total);
    });
    await takeSeals(source, to.db);
    await moveOn(to);
    const hashOf = (db: Kysely<Schema>, step: "hash source" | "hash target") =>
      exportDigest(db, {
        onProgress: (table, rows) => {
          if (table === "events") onProgress?.(step, rows, total);
        },
      });
    const before = await hashOf(source, "hash source");
    const after = await inSnapshot(to, (target) => hashOf(target, "hash target"));
    const differing = Object.keys(before.tables).filter(
      (table) => before.tables[table]?.digest !== after.tables[table]?.digest,
    );
    return { replayed: done - there.events, source: before, target: after, differing };
  });
}

/** The part of the log that the target has from an earlier run; anything else that is in it stays, and is named. */
async function commonPart(source: Kysely<Schema>, target: Kysely<Schema>): Promise<{ events: number; last: number }> {
  const counts = new Map<string, number>();
  for (const table of [...entityTables.map(({ table }) => table), "idempotency_keys", "events_all"]) {
    const { rows } = await sql<{ n: number }>`SELECT count(*) AS n FROM ${sql.id(table)}`.execute(target);
    const n = rows[0]?.n ?? 0;
    if (n > 0) counts.set(table, n);
  }
  if (counts.size === 0) return { events: 0, last: 0 };
  const refuse = (reason: string): never => {
    const found = [...counts].map(([table, n]) => `${n} of ${table}`).join(", ");
    throw new TargetNotEmpty(
      `the target is not empty (${found}), and ${reason}; give an empty database. It was left as it is`,
    );
  };
  if (!counts.has("events_all")) return refuse("none of it came from an event log");
  if (counts.has("idempotency_keys")) return refuse("a service has written to it");
  const log = readEvents(source);
  let common = { events: 0, last: 0 };
  for await (const event of readEvents(target)) {
    const { value } = (await log.next()) as { value: LoggedEvent | undefined };
    if (!value || canonicalEvent(value) !== canonicalEvent(event)) {
      return refuse(`its event ${event.seq} is not the source's`);
    }
    common = { events: common.events + 1, last: event.seq };
  }
  await log.return(undefined);
  return common;
}

/** Of how many batches one may be made at most. */
const mostMerged = 20;

/**
 * Two rows that were written at the same moment may have got their positions the wrong way round, the one that refers to the
 * other first: a batch that ends between them cannot stand alone, and is taken together with the next.
 */
async function inBatches(
  events: AsyncIterable<LoggedEvent>,
  size: number,
  work: (batch: LoggedEvent[]) => Promise<void>,
): Promise<void> {
  let batch: LoggedEvent[] = [];
  let failure: Error | undefined;
  const attempt = async () => {
    try {
      await work(batch);
      batch = [];
      failure = undefined;
    } catch (error) {
      if (!refersToNothing(error) || batch.length >= mostMerged * size) throw error;
      failure = error;
    }
  };
  for await (const event of events) {
    batch.push(event);
    if (batch.length % size === 0) await attempt();
  }
  if (batch.length > 0) await attempt();
  if (failure) throw failure;
}

const refersToNothing = (error: unknown): error is Error =>
  error instanceof Error &&
  "code" in error &&
  (error.code === "23503" || error.code === "SQLITE_CONSTRAINT_FOREIGNKEY");

async function takeSeals(source: Kysely<Schema>, target: Kysely<Schema>): Promise<void> {
  const [newest, there] = [await newestSeal(source), await newestSeal(target)];
  for await (const seal of readSeals(source, there?.batch ?? 0, newest?.batch ?? 0)) {
    await target.insertInto("event_seals").values(seal).execute();
  }
}

/** What gives out positions and snapshot times goes on after those of the log. */
async function moveOn({ backend, db }: Database): Promise<void> {
  if (backend === "postgres") {
    await sql`SELECT setval('events_seq', greatest((SELECT max(seq) FROM events_all), 1), EXISTS (SELECT FROM events_all))`.execute(
      db,
    );
  }
  await sql`
    UPDATE report_clock SET last = (SELECT max(verification_snapshot_ts) FROM reports)
    WHERE EXISTS (SELECT 1 FROM reports WHERE verification_snapshot_ts > report_clock.last)`.execute(db);
}
