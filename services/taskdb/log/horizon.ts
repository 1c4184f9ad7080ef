import { setTimeout as wait } from "node:timers/promises";
import { type Kysely, sql } from "kysely";
import type { Database } from "../store/database";
import type { Schema } from "../store/schema";

/**
 * A position below which the log is final: each transaction that took one up to it has ended. On PostgreSQL positions are
 * taken before they are committed, so the last one given out is final only once all who were appending then are gone: they
 * hold a lock on the log from before they take a position until they end. A note takes its position before it has a
 * transaction id, which is why the ids that are under way would not do.
 */
export async function horizon({ backend, db }: Database, patienceMs: number): Promise<number | undefined> {
  if (backend === "sqlite") {
    const { rows } = await sql<{ last: number }>`SELECT COALESCE(max(seq), 0) AS last FROM events_all`.execute(db);
    return rows[0]?.last ?? 0;
  }
  // In this order: whoever takes a position after the first statement takes a later one.
  const { rows } = await sql<{ last: number }>`
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM events_seq`.execute(db);
  const before = await appending(db);
  const deadline = performance.now() + patienceMs;
  for (let pause = 5, left = before; left.length > 0; pause = Math.min(2 * pause, 250)) {
    if (performance.now() + pause > deadline) return undefined;
    await wait(pause);
    const now = new Set(await appending(db));
    left = left.filter((transaction) => now.has(transaction));
  }
  return rows[0]?.last ?? 0;
}

/** The transactions that have appended to the log, or are about to. */
async function appending(db: Kysely<Schema>): Promise<string[]> {
  const { rows } = await sql<{ transaction: string }>`
    SELECT DISTINCT virtualtransaction AS transaction FROM pg_locks
    WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND relation IN (SELECT relid FROM pg_partition_tree('events'))`.execute(db);
  return rows.map(({ transaction }) => transaction);
}
