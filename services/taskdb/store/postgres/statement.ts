import { type Kysely, type RawBuilder, sql } from "kysely";
import type { EntityKind, Event } from "../../domain";
import { columnsOf, entities } from "../entities";
import type { Schema } from "../schema";
import type { WriteContext } from "../store";
import type { Recorded } from "../writer";

export const eventColumns = "seq, at, kind, entity_id, task_id, payload, request_id";
const utc = (column: string) => `to_char(e.${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** The row of the alias `e` as an event has it. */
export const payloads = Object.fromEntries(
  Object.entries(entities).map(([kind, { columns }]) => [
    kind,
    `json_build_object(${Object.entries(columns)
      .map(([column, type]) => `'${column}', ${type === "time" ? utc(column) : `e.${column}`}`)
      .join(", ")})`,
  ]),
) as Record<EntityKind, string>;

/** The task that a row of the alias `e` belongs to. */
export const taskOf: Readonly<Record<EntityKind, string>> = {
  task: "e.id",
  run: "e.task_id",
  gate: "(SELECT r.task_id FROM runs r WHERE r.id = e.run_id)",
  artifact: "e.task_id",
  report: "NULL::uuid",
};

export const returning = (kind: EntityKind) => sql.raw(columnsOf(kind).join(", "));

export const keyed = ({ idempotency }: WriteContext): RawBuilder<unknown> =>
  idempotency
    ? sql`, key AS (
        INSERT INTO idempotency_keys (key, request_hash, event_seq, event_at)
        SELECT ${idempotency.key}::varchar, ${idempotency.requestHash}::char(64), seq, at FROM event)`
    : sql.raw("");

/**
 * When the row is changed, and nobody else can: the row's own time may be from before it waited for its turn. What comes
 * after a report's snapshot by the order of transactions so does by the clock.
 */
export const eventAt = (kind: EntityKind) =>
  kind === "report" ? "e.verification_snapshot_ts" : `GREATEST(clock_timestamp(), e.${entities[kind].changed})`;

export function statement(
  kind: EntityKind,
  verb: string,
  entity: RawBuilder<unknown>,
  context: WriteContext,
  before: RawBuilder<unknown> = sql.raw(""),
): RawBuilder<Event> {
  return sql<Event>`
    WITH ${before} entity AS (${entity}),
    event AS (
      INSERT INTO events (at, kind, entity_id, task_id, payload, request_id)
      SELECT ${sql.raw(eventAt(kind))}, ${sql.lit(`${kind}.${verb}`)}, e.id, ${sql.raw(taskOf[kind])}, ${sql.raw(payloads[kind])},
        ${context.requestId}::varchar
      FROM entity e RETURNING ${sql.raw(eventColumns)}
    )${keyed(context)}
    SELECT ${sql.raw(eventColumns)}${sql.raw(kind === "run" && verb === "created" ? refreshed : "")} FROM event`;
}

const refreshed = ", current_setting('taskdb.refresh_us', true) AS refresh_us";

/** The triggers run after the answer is made: it has the time that the session's upkeep before took. */
export async function record(
  db: Kysely<Schema>,
  written: RawBuilder<unknown>,
  onRefresh?: (microseconds: number) => void,
): Promise<Recorded | undefined> {
  const [row] = (await (written as RawBuilder<Event & { refresh_us?: string | null }>).execute(db)).rows;
  if (!row) return undefined;
  const { refresh_us, ...event } = row;
  if (refresh_us) onRefresh?.(Number(refresh_us));
  return { event, replayed: false };
}
