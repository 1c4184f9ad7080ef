import { randomUUID } from "node:crypto";
import { type Kysely, sql } from "kysely";
import type { Schema } from "../store/schema";

/** Tables of up to this many rows are looked at whole. */
const wholeRows = 100_000;
/** Of larger ones, rows in this many stretches from random places. */
const stretches = 10;
const stretchRows = 1000;

export interface Sample {
  readonly ids: AsyncIterable<readonly string[]>;
  /** Rows that are looked at, in words. */
  readonly size: string;
}

/** Ids of a table, page by page: all of them, or a sample when there are many and `full` is not asked for. */
export async function sample(db: Kysely<Schema>, table: string, full: boolean): Promise<Sample> {
  // One that knows when to stop: to count all of a large table would take as long as the check.
  const { rows } = await sql<{ n: number }>`
    SELECT count(*) AS n FROM (SELECT 1 FROM ${sql.id(table)} LIMIT ${wholeRows + 1}) counted`.execute(db);
  const n = rows[0]?.n ?? 0;
  if (full || n <= wholeRows) return { ids: all(db, table), size: n > wholeRows ? "all rows" : `all ${n} rows` };
  return { ids: some(db, table), size: `a sample of up to ${stretches * stretchRows} rows (--full looks at all)` };
}

async function* all(db: Kysely<Schema>, table: string): AsyncGenerator<string[]> {
  for (let last = ""; ;) {
    const ids = await page(db, table, last, false);
    if (ids.length > 0) yield ids;
    if (ids.length < stretchRows) return;
    last = ids.at(-1) ?? "";
  }
}

async function* some(db: Kysely<Schema>, table: string): AsyncGenerator<string[]> {
  for (let i = 0; i < stretches; i++) yield page(db, table, randomUUID(), true);
}

async function page(db: Kysely<Schema>, table: string, from: string, inclusive: boolean): Promise<string[]> {
  const bound = from === "" ? sql.raw("") : sql`WHERE id ${sql.raw(inclusive ? ">=" : ">")} ${from}`;
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM ${sql.id(table)} ${bound} ORDER BY id LIMIT ${stretchRows}`.execute(db);
  return rows.map(({ id }) => id);
}
