import { type Kysely, sql } from "kysely";
import { entityTables } from "../log/tables";
import type { Schema } from "../store/schema";
import type { Check } from "./report";
import { sample } from "./sample";

const parents = [
  ["runs", "task_id", "tasks"],
  ["gates", "run_id", "runs"],
  ["artifacts", "task_id", "tasks"],
  ["artifacts", "run_id", "runs"],
] as const;
const shownIds = 3;

interface Found {
  readonly check: Check;
  readonly orphans: number;
}

/** Rows whose parent is missing; rows that the log does not know, which a rebuild would lose; entities that only the log knows. */
export async function orphans(db: Kysely<Schema>, full: boolean): Promise<Found[]> {
  const found: Found[] = [];
  for (const [table, column, parent] of parents) {
    found.push(
      await search(db, table, full, {
        name: `orphans: ${table}.${column}`,
        missing: sql`SELECT c.id FROM ${sql.id(table)} c WHERE c.${sql.id(column)} IS NOT NULL
          AND NOT EXISTS (SELECT 1 FROM ${sql.id(parent)} p WHERE p.id = c.${sql.id(column)})`,
        problem: `without their row of ${parent}`,
        fix: `restore the rows of ${parent} from a backup, or rebuild from the event log: taskdb rebuild`,
      }),
    );
  }
  for (const { kind, table } of entityTables) {
    found.push(
      await search(db, table, full, {
        name: `orphans: ${table} in the event log`,
        missing: sql`SELECT c.id FROM ${sql.id(table)} c
          WHERE NOT EXISTS (SELECT 1 FROM events_all e WHERE e.entity_id = c.id AND e.kind = ${`${kind}.created`})`,
        problem: `without the event ${kind}.created, so a rebuild would lose them`,
        fix: "find out who wrote past the service; write these rows again through it",
      }),
    );
  }
  found.push(await unknownEntities(db));
  return found;
}

async function search(
  db: Kysely<Schema>,
  table: string,
  full: boolean,
  { name, missing, problem, fix }: { name: string; missing: ReturnType<typeof sql>; problem: string; fix: string },
): Promise<Found> {
  const { ids, size } = await sample(db, table, full);
  let count = 0;
  const some: string[] = [];
  for await (const page of ids) {
    if (page.length === 0) continue;
    const { rows } = await sql<{ id: string }>`${missing} AND c.id IN (${sql.join(page)})`.execute(db);
    count += rows.length;
    some.push(...rows.slice(0, shownIds - some.length).map(({ id }) => id));
  }
  return {
    orphans: count,
    check:
      count === 0
        ? { name, status: "pass", detail: `none in ${size}`, fix: null }
        : {
            name,
            status: "fail",
            detail: `${count} of ${size} ${problem}: ${some.join(", ")}${count > shownIds ? " …" : ""}`,
            fix,
          },
  };
}

/** The newest events; a whole walk over the log is what `taskdb rebuild` does. */
const newestEvents = 10_000;

async function unknownEntities(db: Kysely<Schema>): Promise<Found> {
  const { rows } = await sql<{ n: number; first: number | null }>`
    SELECT count(*) AS n, min(e.seq) AS first
    FROM (SELECT seq, kind, entity_id FROM events_all ORDER BY seq DESC LIMIT ${newestEvents}) e
    WHERE e.kind <> 'note.added' AND e.kind NOT LIKE '%.created' AND NOT EXISTS (
      SELECT 1 FROM events_all c WHERE c.entity_id = e.entity_id AND c.kind LIKE '%.created')`.execute(db);
  const { n = 0, first = null } = rows[0] ?? {};
  const name = "orphans: events of entities that never were";
  const size = `the newest ${newestEvents} events`;
  return {
    orphans: n,
    check:
      n === 0
        ? { name, status: "pass", detail: `none in ${size}`, fix: null }
        : {
            name,
            status: "fail",
            detail: `${n} in ${size}, the first at ${first}`,
            fix: "events were deleted or put in: see taskdb verify, and restore the log from a backup",
          },
  };
}
