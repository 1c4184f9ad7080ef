import { type Kysely, type RawBuilder, sql } from "kysely";
import { DatabaseError } from "pg";
import type { EntityKind, Event } from "../../domain";
import { entities, parameter } from "../entities";
import { isId } from "../paging";
import type { Schema } from "../schema";
import {
  AlreadyExists,
  IdempotencyMismatch,
  NotFound,
  StaleVersion,
  type UpdateContext,
  type WriteContext,
} from "../store";
import { type Claims, type Recorded, validated, type Values, type Writer } from "../writer";
import { TaskGroups } from "./groups";
import { eventColumns, keyed, payloads, record, returning, statement, taskOf } from "./statement";

/** One round trip and one transaction: a statement whose parts are the row, its event and its idempotency key. */
export class PostgresWriter implements Writer {
  private readonly tasks: TaskGroups;

  /** `patienceMs`: how long a creation waits for its turn, as a statement does for a connection. */
  constructor(
    private readonly db: Kysely<Schema>,
    patienceMs: number,
    private readonly onRefresh?: (microseconds: number) => void,
  ) {
    this.tasks = new TaskGroups(db, patienceMs);
  }

  create(kind: EntityKind, row: Values & { readonly id: string }, context: WriteContext): Promise<Recorded> {
    const columns = Object.keys(row);
    const values: RawBuilder<unknown>[] = columns.map((column) => sql`${parameter(kind, column, row[column])}`);
    if (row.status === "completed" && "completed_at" in entities[kind].columns) {
      columns.push("completed_at");
      values.push(sql.raw("now()"));
    }
    const entity = sql`
      INSERT INTO ${sql.id(entities[kind].table)} (${sql.join(columns.map((column) => sql.id(column)))})
      VALUES (${sql.join(values)}) RETURNING ${returning(kind)}`;
    const alone = () => record(this.db, statement(kind, "created", entity, context), this.onRefresh);
    // What has a parent locks it: in a group, writers to different tasks would wait for each other.
    const send = kind === "task" ? () => this.tasks.create({ row, context, alone }) : alone;
    return this.write(context, send, (error) => this.refused(error, kind, row));
  }

  update(kind: EntityKind, id: string, change: Values, context: UpdateContext): Promise<Recorded> {
    const now = sql.raw("GREATEST(clock_timestamp(), updated_at + interval '1 microsecond')");
    const set = Object.entries(change).map(
      ([column, value]) => sql`${sql.id(column)} = ${parameter(kind, column, value)}`,
    );
    if (change.status !== undefined && "completed_at" in entities[kind].columns) {
      const completed = sql`CASE WHEN status = 'completed' THEN completed_at ELSE ${now} END`;
      set.push(sql`completed_at = ${change.status === "completed" ? completed : sql.raw("NULL")}`);
    }
    const entity = sql`
      UPDATE ${sql.id(entities[kind].table)} SET ${sql.join(set)}, updated_at = ${now}
      WHERE id = ${id} ${version(context)} RETURNING ${returning(kind)}`;
    const failed = (error?: unknown) => error ?? this.missed(this.db, kind, id, context);
    return this.write(context, () => record(this.db, statement(kind, "updated", entity, context)), failed);
  }

  /** The run is locked before its gates are looked for, so that no new one can come. */
  async deleteRun(id: string, context: UpdateContext): Promise<Recorded> {
    return this.replaying(context, () =>
      this.db.transaction().execute(async (db) => {
        const found = await sql`SELECT FROM runs WHERE id = ${id} ${version(context)} FOR UPDATE`.execute(db);
        if (found.rows.length === 0) throw await this.missed(db, "run", id, context);
        await sql`
          WITH gate AS (DELETE FROM gates WHERE run_id = ${id} RETURNING ${returning("gate")}),
          artifact AS (UPDATE artifacts SET run_id = NULL WHERE run_id = ${id} RETURNING ${returning("artifact")})
          INSERT INTO events (kind, entity_id, task_id, payload, request_id)
          SELECT kind, id, task_id, payload, ${context.requestId}::varchar FROM (
            SELECT 'gate.deleted' AS kind, e.id, ${sql.raw(taskOf.gate)} AS task_id, ${sql.raw(payloads.gate)} AS payload FROM gate e
            UNION ALL
            SELECT 'artifact.updated', e.id, e.task_id, ${sql.raw(payloads.artifact)} FROM artifact e
          ) gone`.execute(db);
        const entity = sql`DELETE FROM runs WHERE id = ${id} RETURNING ${returning("run")}`;
        return record(db, statement("run", "deleted", entity, context));
      }),
    );
  }

  /**
   * The claimed rows are locked until the report is there: whoever changes one later does so after the snapshot by the clock
   * as well, so the log tells the same story as the report.
   */
  publish(
    report: { readonly id: string; readonly title: string },
    claims: Claims,
    context: WriteContext,
  ): Promise<Recorded> {
    const publishing = () =>
      this.db.transaction().execute(async (db) => {
        const statuses = new Map<string, string>();
        for (const [kind, ids] of [
          ["task", claims.tasks],
          ["run", claims.runs],
        ] as const) {
          if (ids.length === 0) continue;
          const { rows } = await sql<{ id: string; status: string }>`
            SELECT id, status FROM ${sql.id(entities[kind].table)} WHERE id = ANY (${ids}::uuid[]) ORDER BY id FOR SHARE`.execute(
            db,
          );
          for (const { id, status } of rows) statuses.set(`${kind}_id:${id}`, status);
        }
        const { rows: found } = await sql<{ sha256: string }>`
          SELECT DISTINCT sha256 FROM artifacts WHERE sha256 = ANY (${claims.hashes}::varchar[])`.execute(db);
        const states = validated(claims, statuses, new Set(found.map(({ sha256 }) => sha256)));
        const entity = sql`
          INSERT INTO reports (id, title, verification_snapshot_ts, claims_validated)
          SELECT ${report.id}::uuid, ${report.title}::varchar, last, ${JSON.stringify(states)}::jsonb FROM tick
          RETURNING ${returning("report")}`;
        // Whatever the clock does, after all that the rows went through.
        const tick = sql`tick AS (
          UPDATE report_clock SET last = GREATEST(clock_timestamp(), last + interval '1 microsecond', (
            SELECT max(e.at) FROM unnest(${[...claims.tasks, ...claims.runs]}::uuid[]) c (id) CROSS JOIN LATERAL (
              SELECT at FROM events_all WHERE entity_id = c.id ORDER BY seq DESC LIMIT 1) e))
          RETURNING last),`;
        return record(db, statement("report", "created", entity, context, tick));
      });
    return this.replaying(context, async () => {
      try {
        return await publishing();
      } catch (error) {
        throw this.refused(error, "report", report);
      }
    });
  }

  addNote(
    note: { readonly id: string; readonly task_id: string; readonly text: string },
    context: WriteContext,
  ): Promise<Recorded> {
    const written = sql`
      WITH event AS (
        INSERT INTO events (kind, entity_id, task_id, payload, request_id)
        SELECT 'note.added', ${note.id}::uuid, e.id,
          json_build_object('id', ${note.id}::uuid, 'task_id', e.id, 'text', ${note.text}::text), ${context.requestId}::varchar
        FROM (SELECT id FROM tasks WHERE id = ${note.task_id} FOR KEY SHARE) e
        RETURNING ${sql.raw(eventColumns)}
      )${keyed(context)} SELECT ${sql.raw(eventColumns)} FROM event`;
    return this.replaying(context, async () => {
      const recorded = await record(this.db, written);
      if (!recorded) throw new NotFound("task", note.task_id);
      return recorded;
    });
  }

  async archive(before: string): Promise<number> {
    const { rows } = await sql<{ moved: number }>`SELECT archive_events(${before}::timestamptz) AS moved`.execute(
      this.db,
    );
    return rows[0]?.moved ?? 0;
  }

  private write(
    context: WriteContext,
    send: () => Promise<Recorded | undefined>,
    failed: (error?: unknown) => unknown,
  ): Promise<Recorded> {
    return this.replaying(context, async () => {
      let recorded: Recorded | undefined;
      try {
        recorded = await send();
      } catch (error) {
        throw await failed(error);
      }
      if (!recorded) throw await failed();
      return recorded;
    });
  }

  /** Whatever a repeated request meets, since the first one was carried out: the first one's answer is the answer. */
  private async replaying(context: WriteContext, write: () => Promise<Recorded | undefined>): Promise<Recorded> {
    try {
      const recorded = await write();
      if (recorded) return recorded;
      throw new Error("the write left no event");
    } catch (error) {
      const { idempotency } = context;
      if (!idempotency || (error instanceof DatabaseError && error.code !== "23505")) throw error;
      if (!(error instanceof DatabaseError) && !isRefusal(error)) throw error;
      const { rows } = await sql<Event & { request_hash: string }>`
        SELECT k.request_hash, ${sql.raw("e.seq, e.at, e.kind, e.entity_id, e.task_id, e.payload, e.request_id")}
        FROM idempotency_keys k JOIN events_all e ON e.seq = k.event_seq AND e.at = k.event_at
        WHERE k.key = ${idempotency.key}`.execute(this.db);
      const [first] = rows;
      if (!first) throw error;
      const { request_hash, ...event } = first;
      if (request_hash !== idempotency.requestHash) throw new IdempotencyMismatch(idempotency.key);
      return { event, replayed: true };
    }
  }

  private refused(error: unknown, kind: EntityKind, row: Values & { readonly id: string }): unknown {
    if (!(error instanceof DatabaseError)) return error;
    const { table } = entities[kind];
    if (error.code === "23505" && error.constraint === `${table}_pkey`) return new AlreadyExists(kind, row.id);
    if (error.code === "23503") {
      const column = ["task_id", "run_id"].find((name) => error.constraint === `${table}_${name}_fkey`);
      if (column) return new NotFound(column === "task_id" ? "task" : "run", String(row[column]));
    }
    return error;
  }

  private async missed(db: Kysely<Schema>, kind: EntityKind, id: string, context: UpdateContext): Promise<Error> {
    const { rows } = await sql<{ updated_at: string }>`
      SELECT updated_at FROM ${sql.id(entities[kind].table)} WHERE id = ${isId(id) ? id : null}`.execute(db);
    const [row] = rows;
    return row ? new StaleVersion(kind, id, context.version ?? "", row.updated_at) : new NotFound(kind, id);
  }
}

const isRefusal = (error: unknown) =>
  error instanceof NotFound || error instanceof StaleVersion || error instanceof AlreadyExists;

const version = ({ version }: UpdateContext) =>
  version === undefined ? sql.raw("") : sql`AND updated_at = ${version}::timestamptz`;
