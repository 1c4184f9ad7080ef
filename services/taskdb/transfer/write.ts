import type { Database } from "../store/database";
import type { Row, TransferTable } from "./tables";

/** Puts rows in the place of those with their keys, all or none of them. */
export async function writeRows(target: Database, table: TransferTable, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  const { columns, key } = table;
  const names = columns.join(", ");
  const changes = columns.filter((column) => column !== key).map((column) => `${column} = excluded.${column}`);
  const conflict = table.appendOnly ? "" : `ON CONFLICT (${key}) DO UPDATE SET ${changes.join(", ")}`;
  if (target.backend === "sqlite") {
    const insert = target.file.prepare(
      `INSERT INTO ${table.table} (${names}) VALUES (${columns.map(() => "?").join(", ")}) ${conflict}`,
    );
    inTransaction(target, () => {
      for (const row of rows) insert.run(columns.map((column) => row[column] ?? null));
    });
    return;
  }
  if (table.table === "events") {
    const months = new Set(rows.map((row) => `${String(row.at).slice(0, 7)}-01`));
    for (const month of months) await target.pool.query("SELECT ensure_event_partition($1)", [month]);
  }
  const { rows: types } = await target.pool.query<{ name: string; type: string }>(
    `SELECT attname AS name,
       -- A cast to a length would cut texts off; to put one in that is too long fails.
       CASE WHEN atttypid IN ('bpchar'::regtype, 'varchar'::regtype) THEN 'text' ELSE format_type(atttypid, NULL) END AS type
     FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0`,
    [table.table],
  );
  const cast = columns.map((column) => `r.${column}::${types.find(({ name }) => name === column)?.type ?? "text"}`);
  await target.pool.query(
    `INSERT INTO ${table.table} (${names}) SELECT ${cast.join(", ")}
     FROM unnest(${columns.map((_, index) => `$${index + 1}::text[]`).join(", ")}) AS r (${names}) ${conflict}`,
    columns.map((column) => rows.map((row) => row[column] ?? null)),
  );
}

/** Rows that the source has no more; keys as texts. */
export async function deleteRows(target: Database, table: TransferTable, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  if (target.backend === "sqlite") {
    const remove = target.file.prepare(`DELETE FROM ${table.table} WHERE ${table.key} = ?`);
    inTransaction(target, () => keys.forEach((key) => remove.run([key])));
  } else {
    await target.pool.query(`DELETE FROM ${table.table} WHERE ${table.key}::text = ANY ($1)`, [keys]);
  }
}

/** What was given away at the source is not given away again. */
export async function moveOn(target: Database, last: { readonly seq: number; readonly report: string }): Promise<void> {
  if (target.backend === "sqlite") {
    // Its own counter follows the largest number that was put in.
    target.file.prepare("UPDATE report_clock SET last = max(last, ?)").run([last.report]);
    return;
  }
  await target.pool.query("UPDATE report_clock SET last = greatest(last, $1::timestamptz)", [last.report]);
  await target.pool.query(
    "SELECT setval('events_seq', greatest($1, CASE WHEN is_called THEN last_value ELSE 1 END)) FROM events_seq WHERE $1 > 0",
    [last.seq],
  );
}

function inTransaction({ file }: Extract<Database, { backend: "sqlite" }>, work: () => void): void {
  file.exec("BEGIN IMMEDIATE");
  try {
    work();
    file.exec("COMMIT");
  } catch (error) {
    file.exec("ROLLBACK");
    throw error;
  }
}
