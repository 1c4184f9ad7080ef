import { type Kysely, sql } from "kysely";
import type { EntityKind } from "../domain";
import type { Database } from "../store/database";
import { entities } from "../store/entities";
import type { Schema } from "../store/schema";
import { entityTables } from "./tables";
import type { LoggedEvent } from "./leaf";

/** What events come to: of each entity the row after its last event, or that it is gone. */
export interface Outcome {
  /** Payloads as they were written, by id. */
  readonly rows: ReadonlyMap<EntityKind, ReadonlyMap<string, string>>;
  readonly gone: ReadonlyMap<EntityKind, ReadonlySet<string>>;
}

/** Of events in the order of the log. An event that is of no entity, as a note, comes to nothing but itself. */
export function outcomeOf(events: readonly LoggedEvent[]): Outcome {
  const rows = new Map(entityTables.map(({ kind }) => [kind, new Map<string, string>()]));
  const gone = new Map(entityTables.map(({ kind }) => [kind, new Set<string>()]));
  for (const { seq, kind: name, entity_id: id, payload } of events) {
    if (name === "note.added") continue;
    const [entity = "", verb = ""] = name.split(".");
    const [kept, left] = [rows.get(entity as EntityKind), gone.get(entity as EntityKind)];
    if (!kept || !left || !["created", "updated", "deleted"].includes(verb)) {
      throw new Error(
        `event ${seq} is a ${name}, which this release does not know; rebuild with the release that wrote it`,
      );
    }
    if (verb === "deleted") {
      kept.delete(id);
      left.add(id);
    } else {
      left.delete(id);
      kept.set(id, payload);
    }
  }
  return { rows, gone };
}

/** In a transaction of the caller's: the events themselves, and the rows that they leave. */
export async function replay({ backend }: Database, db: Kysely<Schema>, events: readonly LoggedEvent[]): Promise<void> {
  const { rows, gone } = outcomeOf(events);
  if (backend === "postgres") {
    const months = new Set(events.map(({ at }) => `${at.slice(0, 7)}-01`));
    for (const month of months) await sql`SELECT ensure_event_partition(${month}::date)`.execute(db);
  }
  for (const part of parts(events)) await db.insertInto("events").values(part).execute();
  // Parents before their children; and what is gone the other way round, once nothing refers to it.
  for (const { kind } of entityTables) {
    const payloads = [...(rows.get(kind)?.values() ?? [])];
    if (payloads.length > 0) await put(backend, db, kind, payloads);
  }
  for (const { kind, table } of entityTables.toReversed()) {
    const ids = [...(gone.get(kind) ?? [])];
    if (ids.length > 0) await sql`DELETE FROM ${sql.id(table)} WHERE id IN (${sql.join(ids)})`.execute(db);
  }
}

/** SQLite takes 32,766 parameters to a statement. */
const atOnce = 500;
function parts<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / atOnce) }, (_, i) => all.slice(i * atOnce, (i + 1) * atOnce));
}

/** The database takes the rows out of the payloads itself: no number passes through JavaScript on its way. */
async function put(
  backend: Database["backend"],
  db: Kysely<Schema>,
  kind: EntityKind,
  payloads: readonly string[],
): Promise<void> {
  const { table, columns } = entities[kind];
  const names = Object.keys(columns);
  const list = sql.raw(names.join(", "));
  const changes = sql.raw(
    names
      .filter((name) => name !== "id")
      .map((name) => `${name} = excluded.${name}`)
      .join(", "),
  );
  const document = `[${payloads.join(",")}]`;
  const rows =
    backend === "postgres"
      ? sql`SELECT ${list} FROM json_populate_recordset(NULL::${sql.id(table)}, ${document}::json)`
      : sql`SELECT ${sql.raw(names.map((name) => `json_extract(value, '$.${name}')`).join(", "))} FROM json_each(${document})`;
  // SQLite takes ON for a join's without a WHERE before it.
  await sql`
    INSERT INTO ${sql.id(table)} (${list}) ${rows} WHERE true ON CONFLICT (id) DO UPDATE SET ${changes}`.execute(db);
}
