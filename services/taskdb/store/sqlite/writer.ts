import { type Kysely, sql, type Transaction } from "kysely";
import type { EntityKind, Event } from "../../domain";
import { columnsOf, entities, parameter } from "../entities";
import { appendOnly } from "../../migrations/sqlite/0003-events";
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
import { later, systemClock } from "./clock";

type Row = Record<string, unknown> & { readonly id: string };

/** One writing transaction for each: nobody else writes meanwhile, so what was looked up in it stays true. */
export class SqliteWriter implements Writer {
  constructor(
    private readonly db: Kysely<Schema>,
    private readonly clock: () => string = systemClock,
  ) {}

  create(kind: EntityKind, row: Values & { readonly id: string }, context: WriteContext): Promise<Recorded> {
    return this.once(context, async (db) => {
      for (const parent of parents) {
        const [column, parentKind] = parent;
        const id = row[column];
        if (typeof id === "string" && !(await find(db, parentKind, id))) throw new NotFound(parentKind, id);
      }
      if (await find(db, kind, row.id)) throw new AlreadyExists(kind, row.id);
      const now = this.clock();
      const times: Record<string, unknown> = { created_at: now };
      if ("updated_at" in entities[kind].columns) times.updated_at = now;
      if (row.status === "completed" && "completed_at" in entities[kind].columns) times.completed_at = now;
      const stored = await insert(db, kind, { ...row, ...times });
      return log(db, kind, "created", stored, now, context);
    });
  }

  update(kind: EntityKind, id: string, change: Values, context: UpdateContext): Promise<Recorded> {
    return this.once(context, async (db) => {
      const row = await current(db, kind, id, context);
      const now = later(this.clock(), String(row.updated_at));
      const values: Record<string, unknown> = { ...change, updated_at: now };
      if (change.status !== undefined && "completed_at" in entities[kind].columns) {
        const completed = row.status === "completed" ? row.completed_at : now;
        values.completed_at = change.status === "completed" ? completed : null;
      }
      const set = Object.entries(values).map(
        ([column, value]) => sql`${sql.id(column)} = ${parameter(kind, column, value)}`,
      );
      await sql`UPDATE ${sql.id(entities[kind].table)} SET ${sql.join(set)} WHERE id = ${id}`.execute(db);
      return log(db, kind, "updated", { ...row, ...values }, now, context);
    });
  }

  deleteRun(id: string, context: UpdateContext): Promise<Recorded> {
    return this.once(context, async (db) => {
      const run = await current(db, "run", id, context);
      const now = later(this.clock(), String(run.updated_at));
      for (const gate of await children(db, "gate", id)) {
        await sql`DELETE FROM gates WHERE id = ${gate.id}`.execute(db);
        await log(db, "gate", "deleted", gate, now, context, run.task_id as string);
      }
      for (const artifact of await children(db, "artifact", id)) {
        await sql`UPDATE artifacts SET run_id = NULL WHERE id = ${artifact.id}`.execute(db);
        await log(db, "artifact", "updated", { ...artifact, run_id: null }, now, context);
      }
      await sql`DELETE FROM runs WHERE id = ${id}`.execute(db);
      return log(db, "run", "deleted", run, now, context);
    });
  }

  publish(
    report: { readonly id: string; readonly title: string },
    claims: Claims,
    context: WriteContext,
  ): Promise<Recorded> {
    return this.once(context, async (db) => {
      if (await find(db, "report", report.id)) throw new AlreadyExists("report", report.id);
      const { last } = await db.selectFrom("report_clock").select("last").executeTakeFirstOrThrow();
      const statuses = new Map<string, string>();
      let snapshot = later(this.clock(), last);
      for (const [kind, ids] of [
        ["task", claims.tasks],
        ["run", claims.runs],
      ] as const) {
        for (const id of ids) {
          const row = await find(db, kind, id);
          if (!row) continue;
          statuses.set(`${kind}_id:${id}`, String(row.status));
          if (String(row.updated_at) > snapshot) snapshot = String(row.updated_at);
        }
      }
      const { rows: found } = await sql<{ sha256: string }>`
        SELECT DISTINCT sha256 FROM artifacts WHERE sha256 IN (SELECT value FROM json_each(${JSON.stringify(claims.hashes)}))`.execute(
        db,
      );
      const states = validated(claims, statuses, new Set(found.map(({ sha256 }) => sha256)));
      await db.updateTable("report_clock").set({ last: snapshot }).execute();
      const stored = await insert(db, "report", {
        ...report,
        verification_snapshot_ts: snapshot,
        claims_validated: states,
        created_at: this.clock(),
      });
      return log(db, "report", "created", stored, snapshot, context);
    });
  }

  addNote(
    note: { readonly id: string; readonly task_id: string; readonly text: string },
    context: WriteContext,
  ): Promise<Recorded> {
    return this.once(context, async (db) => {
      if (!(await find(db, "task", note.task_id))) throw new NotFound("task", note.task_id);
      const payload = { id: note.id, task_id: note.task_id, text: note.text };
      return append(db, "note.added", note.id, note.task_id, payload, this.clock(), context);
    });
  }

  /** The log's own guard is lifted for the move and put back with it, in one transaction. */
  archive(before: string): Promise<number> {
    return this.db.transaction().execute(async (db) => {
      const movable = sql`at < ${before} AND seq <= COALESCE((SELECT max(last_seq) FROM event_seals), 0)`;
      const { numAffectedRows = 0n } =
        await sql`INSERT INTO events_archive SELECT * FROM events WHERE ${movable}`.execute(db);
      if (numAffectedRows === 0n) return 0;
      await sql`DROP TRIGGER events_append_only_delete`.execute(db);
      await sql`DELETE FROM events WHERE ${movable}`.execute(db);
      await sql.raw(appendOnly("events", "DELETE")).execute(db);
      return Number(numAffectedRows);
    });
  }

  private once(context: WriteContext, write: (db: Transaction<Schema>) => Promise<Event>): Promise<Recorded> {
    return this.db.transaction().execute(async (db) => {
      const { idempotency } = context;
      if (!idempotency) return { event: await write(db), replayed: false };
      const { key, requestHash } = idempotency;
      const first = await db.selectFrom("idempotency_keys").selectAll().where("key", "=", key).executeTakeFirst();
      if (first) {
        if (first.request_hash !== requestHash) throw new IdempotencyMismatch(key);
        const event = await db
          .selectFrom("events_all")
          .selectAll()
          .where("seq", "=", first.event_seq)
          .executeTakeFirstOrThrow();
        return { event, replayed: true };
      }
      const event = await write(db);
      await db
        .insertInto("idempotency_keys")
        .values({ key, request_hash: requestHash, event_seq: event.seq, event_at: event.at, created_at: this.clock() })
        .execute();
      return { event, replayed: false };
    });
  }
}

const parents = [
  ["task_id", "task"],
  ["run_id", "run"],
] as const;

const columnList = (kind: EntityKind) => sql.join(columnsOf(kind).map((column) => sql.id(column)));

async function find(db: Kysely<Schema>, kind: EntityKind, id: string): Promise<Row | undefined> {
  const { rows } = await sql<Row>`
    SELECT ${columnList(kind)} FROM ${sql.id(entities[kind].table)} WHERE id = ${id}`.execute(db);
  return rows[0];
}

async function current(db: Kysely<Schema>, kind: EntityKind, id: string, { version }: UpdateContext): Promise<Row> {
  const row = await find(db, kind, id);
  if (!row) throw new NotFound(kind, id);
  if (version !== undefined && row.updated_at !== version) {
    throw new StaleVersion(kind, id, version, String(row.updated_at));
  }
  return row;
}

async function children(db: Kysely<Schema>, kind: "gate" | "artifact", run: string): Promise<Row[]> {
  const { rows } = await sql<Row>`
    SELECT ${columnList(kind)} FROM ${sql.id(entities[kind].table)} WHERE run_id = ${run} ORDER BY id`.execute(db);
  return rows;
}

async function insert(db: Kysely<Schema>, kind: EntityKind, row: Row): Promise<Row> {
  const columns = Object.keys(row);
  const { rows } = await sql<Row>`
    INSERT INTO ${sql.id(entities[kind].table)} (${sql.join(columns.map((column) => sql.id(column)))})
    VALUES (${sql.join(columns.map((column) => parameter(kind, column, row[column])))})
    RETURNING ${columnList(kind)}`.execute(db);
  const [stored] = rows;
  if (!stored) throw new Error(`the insertion of ${kind} ${row.id} gave no row`);
  return stored;
}

async function log(
  db: Kysely<Schema>,
  kind: EntityKind,
  verb: string,
  row: Row,
  at: string,
  context: WriteContext,
  task?: string,
): Promise<Event> {
  const payload = Object.fromEntries(columnsOf(kind).map((column) => [column, row[column] ?? null]));
  return append(db, `${kind}.${verb}`, row.id, task ?? (await taskOf(db, kind, row)), payload, at, context);
}

async function taskOf(db: Kysely<Schema>, kind: EntityKind, row: Row): Promise<string | null> {
  if (kind === "task") return row.id;
  if (kind === "report") return null;
  const of = kind === "gate" ? await find(db, "run", String(row.run_id)) : row;
  return (of?.task_id as string | undefined) ?? null;
}

async function append(
  db: Kysely<Schema>,
  kind: string,
  entity_id: string,
  task_id: string | null,
  payload: Record<string, unknown>,
  at: string,
  { requestId }: WriteContext,
): Promise<Event> {
  return db
    .insertInto("events")
    .values({ at, kind, entity_id, task_id, payload: JSON.stringify(payload), request_id: requestId })
    .returningAll()
    .executeTakeFirstOrThrow();
}
