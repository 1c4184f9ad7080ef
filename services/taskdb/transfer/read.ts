import { type Kysely, sql } from "kysely";
import type { Schema } from "../store/schema";
import type { Row, TransferTable, Value } from "./tables";

export const BATCH_ROWS = 1000;

/** Kysely with the backend that it speaks to. */
export interface Side {
  readonly backend: "postgres" | "sqlite";
  readonly db: Kysely<Schema>;
}

/** Keys in the same order on both: of a database's own collation only `C` is that of SQLite. */
const ordered = ({ backend }: Side, { key }: TransferTable) =>
  sql.raw(backend === "postgres" && key === "key" ? `${key} COLLATE "C"` : key);

/** Of keys, each end if it is given; `since` and `upTo` are in it. */
interface Range {
  readonly after?: Value;
  readonly since?: Value;
  readonly upTo?: Value;
  readonly limit?: number;
}

/** Rows of a range, in the order of keys; JSON as texts. */
export async function readRows(side: Side, table: TransferTable, { after, since, upTo, limit }: Range): Promise<Row[]> {
  // SQLite's plugin reads columns by their names: under another one a text stays as it is.
  const columns = table.columns.map((column) =>
    table.json.includes(column) ? `CAST(${column} AS text) AS ${column}_text` : column,
  );
  const key = ordered(side, table);
  const { rows } = await sql<Record<string, Value>>`
    SELECT ${sql.raw(columns.join(", "))} FROM ${sql.id(table.from)}
    WHERE true ${after === undefined ? sql.raw("") : sql`AND ${key} > ${after}`}
    ${since === undefined ? sql.raw("") : sql`AND ${key} >= ${since}`}
    ${upTo === undefined ? sql.raw("") : sql`AND ${key} <= ${upTo}`}
    ORDER BY ${key} ${limit === undefined ? sql.raw("") : sql`LIMIT ${limit}`}`.execute(side.db);
  for (const row of rows) {
    for (const column of table.json) {
      row[column] = row[`${column}_text`] ?? null;
      delete row[`${column}_text`];
    }
  }
  return rows;
}

/** A whole table by batches: never more than one of them in memory. */
export async function* batches(side: Side, table: TransferTable): AsyncGenerator<Row[]> {
  for (let after: Value | undefined; ;) {
    const rows = await readRows(side, table, { after, limit: BATCH_ROWS });
    if (rows.length > 0) yield rows;
    if (rows.length < BATCH_ROWS) return;
    after = rows.at(-1)?.[table.key];
  }
}
