import { setImmediate } from "node:timers/promises";
import type Libsql from "libsql";
import { type Dataset, generatedTables } from "./dataset";
import type { Progress } from "../progress";
import { columns, row } from "./rows";

const BATCH_ROWS = 5000;

/** Puts a data set into SQLite in one transaction: interrupted, it leaves nothing. */
export async function insertInto(file: Libsql.Database, data: Dataset, progress: Progress): Promise<void> {
  const { last } = file.prepare("SELECT coalesce(max(seq), 0) AS last FROM events_all").get([]) as { last: number };
  for (const table of generatedTables) {
    const names = columns[table];
    const total = data.sizes[table];
    progress.start(table, total);
    const insert = file.prepare(
      `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
    );
    for (let index = 0; index < total;) {
      const end = Math.min(index + BATCH_ROWS, total);
      const rows = end - index;
      for (; index < end; index++) insert.run(row(data, table, index, last));
      progress.add(rows);
      // So that signals are heard and the bar is drawn.
      await setImmediate();
    }
  }
}
