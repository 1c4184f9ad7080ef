import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { type Kysely, sql } from "kysely";
import type { Database } from "../store/database";
import type { Schema } from "../store/schema";
import { readEvents } from "./events";
import { leafDigest } from "./leaf";
import { canonicalRow, entityTables } from "./tables";

export interface TableDigest {
  readonly rows: number;
  readonly digest: string;
}

export interface ExportDigest {
  /** Over the digests of all tables. */
  readonly hash: string;
  readonly tables: Readonly<Record<string, TableDigest>>;
}

/** Called after each page with what has been read of a table. */
export type ExportProgress = (table: string, rows: number) => void;

const pageRows = 1000;

/**
 * The hash of all that was committed: rows in the order of their ids, events in that of the log. Columns that are derived,
 * seals and idempotency keys are not in it. Reads page by page; a transaction of the caller's makes it a snapshot.
 */
export async function exportDigest(
  db: Kysely<Schema>,
  { onProgress }: { readonly onProgress?: ExportProgress } = {},
): Promise<ExportDigest> {
  const tables: Record<string, TableDigest> = {};
  for (const { kind, table, columns } of entityTables) {
    const hash = createHash("sha256");
    let rows = 0;
    for (let last: string | undefined; ;) {
      const { rows: page } = await sql<Record<string, unknown> & { id: string }>`
        SELECT ${sql.raw(columns.join(", "))} FROM ${sql.id(table)}
        ${last === undefined ? sql.raw("") : sql`WHERE id > ${last}`} ORDER BY id LIMIT ${pageRows}`.execute(db);
      for (const row of page) hash.update(canonicalRow(kind, row)).update("\n");
      rows += page.length;
      onProgress?.(table, rows);
      last = page.at(-1)?.id;
      if (page.length < pageRows) break;
    }
    tables[table] = { rows, digest: hash.digest("hex") };
  }
  const hash = createHash("sha256");
  let rows = 0;
  for await (const event of readEvents(db)) {
    hash.update(leafDigest(event));
    if (++rows % pageRows === 0) onProgress?.("events", rows);
  }
  onProgress?.("events", rows);
  tables.events = { rows, digest: hash.digest("hex") };
  return {
    hash: createHash("sha256")
      .update(canonicalize(tables) ?? "")
      .digest("hex"),
    tables,
  };
}

/** One state of the database for all that is read in it, however long that takes and whoever writes meanwhile. */
export async function inSnapshot<T>(database: Database, read: (db: Kysely<Schema>) => Promise<T>): Promise<T> {
  if (database.backend === "postgres") {
    return database.db
      .transaction()
      .setIsolationLevel("repeatable read")
      .setAccessMode("read only")
      .execute(async (db) => {
        await sql`SELECT set_config('statement_timeout', '0', true),
          set_config('idle_in_transaction_session_timeout', '0', true)`.execute(db);
        return read(db);
      });
  }
  // Kysely's transactions take the writers' lock; readers of SQLite need none.
  return database.db.connection().execute(async (db) => {
    await sql`BEGIN`.execute(db);
    try {
      return await read(db);
    } finally {
      await sql`COMMIT`.execute(db);
    }
  });
}
