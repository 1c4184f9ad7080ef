import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClientBase } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { type Dataset, generatedTables, type TableName } from "./dataset";
import type { Progress } from "../progress";
import { columns, row, type Value } from "./rows";

const CHUNK_CHARACTERS = 1 << 17;

export interface CopyOptions {
  /** Whether to do without indexes and foreign keys until the end; for empty tables, since nobody can read meanwhile. */
  readonly takeApart: boolean;
  readonly progress: Progress;
}

/**
 * Puts a data set into PostgreSQL, within the caller's transaction. Into empty tables it goes without indexes and foreign keys,
 * which are made (and the keys checked) at the end: one sort of ten million keys costs a fraction of ten million searches. The
 * triggers of the derived status stay on: COPY is one statement, so each runs once a table, over all its rows.
 */
export async function copyInto(client: ClientBase, data: Dataset, { takeApart, progress }: CopyOptions): Promise<void> {
  const restore = takeApart ? await dropKeys(client) : [];
  for (const month of data.months()) await client.query("SELECT ensure_event_partition($1)", [month]);
  // Under the lock on the log nobody else takes a position.
  const { rows } = await client.query<{ last: string }>(
    "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS last FROM events_seq",
  );
  const seqBefore = Number(rows[0]?.last);
  for (const table of generatedTables) {
    const total = data.sizes[table];
    progress.start(table, total);
    if (total === 0) continue;
    const target = client.query(copyFrom(`COPY ${table} (${columns[table].join(", ")}) FROM STDIN`));
    await pipeline(Readable.from(chunks(data, table, seqBefore, progress), { objectMode: true }), target);
  }
  await client.query("SELECT setval('events_seq', $1)", [seqBefore + data.sizes.events]);
  progress.start("indexes", restore.length);
  for (const statement of restore) {
    await client.query(statement);
    progress.add(1);
  }
}

function* chunks(data: Dataset, table: TableName, seqBefore: number, progress: Progress): Generator<string> {
  const total = data.sizes[table];
  let [text, rows] = ["", 0];
  for (let index = 0; index < total; index++) {
    text += `${row(data, table, index, seqBefore).map(field).join("\t")}\n`;
    rows++;
    if (text.length < CHUNK_CHARACTERS && index + 1 < total) continue;
    yield text;
    progress.add(rows);
    [text, rows] = ["", 0];
  }
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };
const field = (value: Value): string =>
  value === null ? "\\N" : typeof value === "number" ? String(value) : escaped(value);
const escaped = (text: string): string =>
  /[\\\t\n\r]/.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character] ?? character) : text;

/** Drops what slows a load down; resolves to the statements that bring it back, in order. */
async function dropKeys(client: ClientBase): Promise<string[]> {
  const { rows: keys } = await client.query<{ drop: string; make: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS drop,
       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS make
     FROM pg_constraint
     WHERE contype = 'f' AND conparentid = 0 AND conrelid = ANY ($1::regclass[]) ORDER BY conname`,
    [generatedTables],
  );
  const { rows: indexes } = await client.query<{ drop: string; make: string }>(
    `SELECT format('DROP INDEX %s', i.indexrelid::regclass) AS drop, 
       -- Of the partitioned log's it says ONLY: it would be on none of the partitions.
       replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS make
     FROM pg_index i
     WHERE i.indrelid = ANY ($1::regclass[]) AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)
     ORDER BY i.indexrelid::regclass::text`,
    [generatedTables],
  );
  const parts = [...keys, ...indexes];
  for (const { drop } of parts) await client.query(drop);
  return [...indexes, ...keys].map(({ make }) => make);
}
