import { type Kysely, sql } from "kysely";
import type { Database } from "../store/database";
import type { Schema } from "../store/schema";
import { readEvents } from "./events";
import { horizon } from "./horizon";
import { Batch, origin } from "./leaf";

export interface SealOptions {
  /**
   * Events to a seal at most.
   * @default 1000
   */
  readonly batchEvents?: number;
  /**
   * Seals made before it comes back, so that a round of upkeep ends.
   * @default 100
   */
  readonly batches?: number;
  /**
   * How long it waits for transactions that are under way, in milliseconds; after that the next round seals.
   * @default 2000
   */
  readonly patienceMs?: number;
}

/**
 * Seals events that are final, each batch in a transaction of its own, and says how many. Several replicas may do it at once: one has the lock, the others have nothing to do.
 */
export async function sealEvents(
  database: Database,
  { batchEvents = 1000, batches = 100, patienceMs = 2000 }: SealOptions = {},
): Promise<number> {
  const upTo = await horizon(database, patienceMs);
  if (upTo === undefined) return 0;
  let sealed = 0;
  for (let made = 0; made < batches; made++) {
    const events = await database.db.transaction().execute(async (db) => {
      if (database.backend === "postgres" && !(await mine(db))) return 0;
      return sealBatch(db, upTo, batchEvents);
    });
    sealed += events;
    if (events < batchEvents) break;
  }
  return sealed;
}

async function mine(db: Kysely<Schema>): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    SELECT pg_try_advisory_xact_lock(hashtext('taskdb event seals')) AS locked`.execute(db);
  return rows[0]?.locked ?? false;
}

async function sealBatch(db: Kysely<Schema>, upTo: number, most: number): Promise<number> {
  const before = await lastSeal(db);
  const batch = new Batch(before?.digest ?? origin);
  for await (const event of readEvents(db, { after: before?.last_seq ?? 0, upTo })) {
    batch.add(event);
    if (batch.events === most) break;
  }
  if (batch.events === 0) return 0;
  await db
    .insertInto("event_seals")
    .values({ batch: (before?.batch ?? 0) + 1, ...batch.seal() })
    .execute();
  return batch.events;
}

export async function lastSeal(
  db: Kysely<Schema>,
): Promise<{ batch: number; last_seq: number; digest: string } | undefined> {
  return db
    .selectFrom("event_seals")
    .select(["batch", "last_seq", "digest"])
    .orderBy("batch", "desc")
    .limit(1)
    .executeTakeFirst();
}
