import { createHash } from "node:crypto";
import { sql } from "kysely";
import { inSnapshot } from "../log/export";
import type { Progress } from "../progress";
import type { Database } from "../store/database";
import { batches, readRows, type Side } from "./read";
import { content, type Row, type TransferTable, transferTables } from "./tables";
import { deleteRows, moveOn, writeRows } from "./write";

export interface TableState {
  readonly rows: number;
  /** SHA-256 over the content of all rows in the order of their keys. */
  readonly digest: string;
}
/** Of each table, and of the derived status as the database's own triggers keep it. */
export type State = Readonly<Record<string, TableState>>;

/**
 * Makes the target what the source is at one moment, by batches that are each committed: cut off, the next run finds what is
 * there and goes on. The source is only read. A target that was written to by anybody else is refused before it is changed.
 * Resolves to the state of both, which is the same.
 */
export async function transfer(source: Database, target: Database, progress: Progress): Promise<State> {
  return inSnapshot(source, async (db) => {
    const from: Side = { backend: source.backend, db };
    const deleted = await deletedIds(from);
    for (const table of transferTables) await refuseForeign(from, target, table, deleted);
    for (const table of [...transferTables].reverse()) await removeGone(from, target, table);
    for (const table of transferTables) await copy(from, target, table, progress);
    const { rows } = await sql<{ seq: number; report: string }>`
      SELECT (SELECT coalesce(max(seq), 0) FROM events_all) AS seq, last AS report FROM report_clock`.execute(db);
    if (rows[0]) await moveOn(target, rows[0]);
    progress.start("checking", 2);
    const wanted = await stateOf(from);
    progress.add(1);
    const found = await inSnapshot(target, (into) => stateOf({ backend: target.backend, db: into }));
    progress.add(1);
    for (const [name, state] of Object.entries(wanted)) {
      if (found[name]?.digest !== state.digest)
        throw new Error(
          `${name} differs after the transfer: ${state.rows} rows at the source, ${found[name]?.rows ?? 0} at the target. Is the target written to? Stop its service and run the same command again`,
        );
    }
    return wanted;
  });
}

export async function stateOf(side: Side): Promise<State> {
  const state: Record<string, TableState> = {};
  for (const table of [...transferTables, derived]) {
    const hash = createHash("sha256");
    let count = 0;
    for await (const rows of batches(side, table)) {
      for (const row of rows) hash.update(content(table, row)).update("\n");
      count += rows.length;
    }
    state[table.table] = { rows: count, digest: hash.digest("hex") };
  }
  return state;
}

const derived: TransferTable = {
  table: "task_status_derived_mv",
  from: "task_status_derived_mv",
  key: "task_id",
  columns: ["task_id", "stored_status", "status_derived", "health_score"],
  json: [],
  appendOnly: true,
};

async function deletedIds({ db }: Side): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    SELECT entity_id AS id FROM events_all WHERE kind LIKE '%.deleted'`.execute(db);
  return new Set(rows.map(({ id }) => id));
}

/** The source's rows in the range of a batch, by their keys. */
async function counterparts(side: Side, table: TransferTable, rows: readonly Row[]): Promise<Map<string, Row>> {
  const found = await readRows(side, table, { since: rows[0]?.[table.key], upTo: rows.at(-1)?.[table.key] });
  return new Map(found.map((row) => [String(row[table.key]), row]));
}

async function refuseForeign(
  from: Side,
  target: Database,
  table: TransferTable,
  deleted: ReadonlySet<string>,
): Promise<void> {
  // Those that have expired at the source are no loss.
  if (table.table === "idempotency_keys") return;
  for await (const rows of batches(target, table)) {
    const known = await counterparts(from, table, rows);
    for (const row of rows) {
      const key = String(row[table.key]);
      const same = known.get(key);
      if (same === undefined ? deleted.has(key) : !table.appendOnly || content(table, same) === content(table, row))
        continue;
      throw new Error(
        `the target has a row in ${table.table} that the source has not (${table.key} ${key}): it was written to by somebody else. Nothing was changed; take an empty database, or one that only transfers from this source have filled`,
      );
    }
  }
}

async function removeGone(from: Side, target: Database, table: TransferTable): Promise<void> {
  if (table.appendOnly) return;
  for await (const rows of batches(target, table)) {
    const known = await counterparts(from, table, rows);
    const gone = rows.map((row) => String(row[table.key])).filter((key) => !known.has(key));
    await deleteRows(target, table, gone);
  }
}

async function copy(from: Side, target: Database, table: TransferTable, progress: Progress): Promise<void> {
  const { rows: counted } = await sql<{ count: number }>`SELECT count(*) AS count FROM ${sql.id(table.from)}`.execute(
    from.db,
  );
  progress.start(table.table, counted[0]?.count ?? 0);
  for await (const rows of batches(from, table)) {
    const there = await counterparts(target, table, rows);
    const missing = rows.filter((row) => {
      const found = there.get(String(row[table.key]));
      return found === undefined || content(table, found) !== content(table, row);
    });
    await writeRows(target, table, missing);
    progress.add(rows.length);
  }
}
