import { type Kysely, sql } from "kysely";
import { now } from "./0001-tables";

const logs = ["events", "events_archive", "event_seals"];

/** That a table of the log is only added to. The store's `archive` takes one of them off and puts it back, in one transaction. */
export const appendOnly = (table: string, event: "UPDATE" | "DELETE"): string => `
  CREATE TRIGGER ${table}_append_only_${event.toLowerCase()} BEFORE ${event} ON ${table} FOR EACH ROW BEGIN
    SELECT RAISE(ABORT, 'the event log is append-only: ${event} of ${table} is refused');
  END`;

export async function up(db: Kysely<unknown>): Promise<void> {
  const columns = `
      at text NOT NULL CHECK (at GLOB '????-??-??T??:??:??.??????Z'),
      kind text NOT NULL CHECK (length(kind) <= 40),
      entity_id text NOT NULL,
      task_id text,
      payload text NOT NULL CHECK (json_valid(payload)),
      request_id text CHECK (length(request_id) <= 100)`;
  const statements = [
    // A number that was given is not given again, not even after its event went to the archive.
    `CREATE TABLE events (seq integer PRIMARY KEY AUTOINCREMENT, ${columns}) STRICT`,
    `CREATE TABLE events_archive (seq integer PRIMARY KEY, ${columns}) STRICT`,
    ...["events", "events_archive"].flatMap((table) => [
      `CREATE INDEX ${table}_of_entity ON ${table} (entity_id, seq)`,
      `CREATE INDEX ${table}_of_task ON ${table} (task_id, seq)`,
    ]),
    `CREATE VIEW events_all AS SELECT * FROM events UNION ALL SELECT * FROM events_archive`,
    `CREATE TABLE event_seals (
      batch integer PRIMARY KEY,
      first_seq integer NOT NULL,
      last_seq integer NOT NULL,
      events integer NOT NULL,
      digest text NOT NULL CHECK (length(digest) = 64),
      leaves text NOT NULL,
      sealed_at text NOT NULL DEFAULT ${now}
    ) STRICT`,
    ...logs.flatMap((table) => [appendOnly(table, "UPDATE"), appendOnly(table, "DELETE")]),
    `CREATE TABLE idempotency_keys (
      key text PRIMARY KEY CHECK (length(key) <= 255),
      request_hash text NOT NULL CHECK (length(request_hash) = 64),
      event_seq integer NOT NULL,
      event_at text NOT NULL,
      created_at text NOT NULL DEFAULT ${now}
    ) STRICT`,
    `CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at)`,
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP VIEW events_all`.execute(db);
  for (const table of ["idempotency_keys", ...logs.toReversed()]) await sql`DROP TABLE ${sql.id(table)}`.execute(db);
}
