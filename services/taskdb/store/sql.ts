import { randomUUID } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { type RawBuilder, sql } from "kysely";
import type {
  Artifact,
  DerivedStatus,
  EntityKind,
  Event,
  Gate,
  GateChange,
  NewArtifact,
  NewGate,
  NewNote,
  NewReport,
  NewRun,
  NewTask,
  Report,
  Run,
  RunChange,
  Task,
  TaskChange,
} from "../domain";
import type { Database } from "./database";
import { columnsOf, entities } from "./entities";
import { after, isId, isPosition, page } from "./paging";
import { classify, unavailable as postgresUnavailable } from "./postgres/failure";
import { unavailable as sqliteUnavailable } from "./sqlite/failure";
import {
  type EventFilter,
  type Maintenance,
  NotFound,
  type Page,
  type PageRequest,
  type Readiness,
  type Statistics,
  type TaskFilter,
  type TaskStore,
  type UpdateContext,
  type WriteContext,
  type Written,
} from "./store";
import { type Recorded, takeApart, type Values, type Writer } from "./writer";

export interface StoreOptions {
  /**
   * How long what surely was not carried out is tried again, as in a failover, in milliseconds.
   * @default 3000
   */
  readonly retryMs?: number;
  /**
   * How often two transactions may stand in each other's way before the caller hears of it.
   * @default 5
   */
  readonly conflictRetries?: number;
  /**
   * Events older than this go to the archive, in days.
   * @default none is archived
   */
  readonly eventRetentionDays?: number;
  /**
   * An idempotency key is kept for this long, in hours: longer than any client tries again.
   * @default 24
   */
  readonly idempotencyHours?: number;
  /**
   * Told how long the upkeep of the derived status took in a creation of a run, in microseconds; PostgreSQL only.
   * @default nobody
   */
  readonly onRefresh?: (microseconds: number) => void;
  /**
   * Gives the time in the domain's form; SQLite only, PostgreSQL's is the server's.
   * @default the machine's
   */
  readonly clock?: () => string;
  /**
   * Seals what can be sealed, and says how many events that were.
   * @default `sealEvents`, by `createStore`
   */
  readonly seal?: (database: Database) => Promise<number>;
}

const eventColumns = sql.raw("seq, at, kind, entity_id, task_id, payload, request_id");
const monthsAhead = 2;
const keysAtOnce = 10_000;

export class SqlStore implements TaskStore {
  readonly backend: Database["backend"];

  constructor(
    private readonly database: Database,
    private readonly writer: Writer,
    private readonly options: StoreOptions = {},
  ) {
    this.backend = database.backend;
  }

  async createTask({ id = randomUUID(), ...input }: NewTask, context: WriteContext): Promise<Written<Task>> {
    return this.write(context, () => this.writer.create("task", { id, ...input }, context));
  }
  async updateTask(id: string, change: TaskChange, context: UpdateContext): Promise<Written<Task>> {
    return this.update("task", id, change, context);
  }
  getTask(id: string): Promise<Task> {
    return this.get("task", id);
  }
  listTasks(filter: TaskFilter, request: PageRequest): Promise<Page<Task>> {
    return this.list("task", filter as Values, request);
  }

  async createRun(
    task_id: string,
    { id = randomUUID(), ...input }: NewRun,
    context: WriteContext,
  ): Promise<Written<Run>> {
    known("task", task_id);
    return this.write(context, () => this.writer.create("run", { id, task_id, ...input }, context));
  }
  async updateRun(id: string, change: RunChange, context: UpdateContext): Promise<Written<Run>> {
    return this.update("run", id, change, context);
  }
  async deleteRun(id: string, context: UpdateContext): Promise<Written<Run>> {
    known("run", id);
    return this.write(context, () => this.writer.deleteRun(id, context));
  }
  getRun(id: string): Promise<Run> {
    return this.get("run", id);
  }
  async listRuns(task_id: string, request: PageRequest): Promise<Page<Run>> {
    return this.listOf("run", { task_id }, request);
  }

  async createGate(
    run_id: string,
    { id = randomUUID(), ...input }: NewGate,
    context: WriteContext,
  ): Promise<Written<Gate>> {
    known("run", run_id);
    return this.write(context, () => this.writer.create("gate", { id, run_id, ...input }, context));
  }
  async updateGate(id: string, change: GateChange, context: UpdateContext): Promise<Written<Gate>> {
    return this.update("gate", id, change, context);
  }
  getGate(id: string): Promise<Gate> {
    return this.get("gate", id);
  }
  async listGates(run_id: string, request: PageRequest): Promise<Page<Gate>> {
    return this.listOf("gate", { run_id }, request);
  }

  async createArtifact(
    task_id: string,
    { id = randomUUID(), ...input }: NewArtifact,
    context: WriteContext,
  ): Promise<Written<Artifact>> {
    known("task", task_id);
    return this.write(context, () => this.writer.create("artifact", { id, task_id, ...input }, context));
  }
  getArtifact(id: string): Promise<Artifact> {
    return this.get("artifact", id);
  }
  async listArtifacts(task_id: string, request: PageRequest): Promise<Page<Artifact>> {
    return this.listOf("artifact", { task_id }, request);
  }
  artifactsByHash(sha256: string): Promise<Artifact[]> {
    return this.rows(sql<Artifact>`
      SELECT ${columnList("artifact")} FROM artifacts WHERE sha256 = ${sha256} ORDER BY created_at, id`);
  }

  async publishReport(
    { id = randomUUID(), title, claims }: NewReport,
    context: WriteContext,
  ): Promise<Written<Report>> {
    return this.write(context, () => this.writer.publish({ id, title }, takeApart(claims), context));
  }
  getReport(id: string): Promise<Report> {
    return this.get("report", id);
  }
  listReports(request: PageRequest): Promise<Page<Report>> {
    return this.list("report", {}, request);
  }

  async addNote(task_id: string, { text }: NewNote, context: WriteContext): Promise<Written<Event>> {
    known("task", task_id);
    const { event, replayed } = await this.attempt(
      () => this.writer.addNote({ id: randomUUID(), task_id, text }, context),
      context,
    );
    return { entity: event, seq: event.seq, replayed };
  }
  async listEvents({ after: from = 0, ...filter }: EventFilter, request: PageRequest): Promise<Page<Event>> {
    const wanted = { task_id: filter.taskId, entity_id: filter.entityId, kind: filter.kind };
    const list = label("events", { ...wanted, from });
    const position = after(list, request, isPosition) ?? from;
    const rows = await this.rows(sql<Event>`
      SELECT ${eventColumns} FROM events_all WHERE ${where(wanted)} AND seq > ${position} ORDER BY seq LIMIT ${request.limit + 1}`);
    return page(list, request, rows, ({ seq }) => seq);
  }
  async lastEvent(entityId: string, at: string): Promise<Event | undefined> {
    const [event] = await this.rows(sql<Event>`
      SELECT ${eventColumns} FROM events_all WHERE entity_id = ${entityId} AND at <= ${at} ORDER BY seq DESC LIMIT 1`);
    return event;
  }

  async derivedStatus(taskId: string): Promise<DerivedStatus> {
    known("task", taskId);
    const [status] = await this.rows(sql<DerivedStatus>`
      SELECT task_id, stored_status, status_derived, health_score, calculated_at
      FROM task_status_derived_mv WHERE task_id = ${taskId}`);
    if (!status) throw new NotFound("task", taskId);
    return status;
  }
  async listDerivedStatuses(request: PageRequest): Promise<Page<DerivedStatus>> {
    const list = label("derived", {});
    const last = after(list, request, isId);
    const rows = await this.rows(sql<DerivedStatus>`
      SELECT task_id, stored_status, status_derived, health_score, calculated_at
      FROM task_status_derived_mv ${last === undefined ? sql.raw("") : sql`WHERE task_id > ${last}`}
      ORDER BY task_id LIMIT ${request.limit + 1}`);
    return page(list, request, rows, ({ task_id }) => task_id);
  }

  /** Events that a seal has counted are not counted again. */
  async statistics(): Promise<Statistics> {
    const [counts] = await this.rows(sql<Statistics>`
      SELECT (SELECT count(*) FROM tasks) AS total_tasks, (SELECT count(*) FROM runs) AS total_runs,
        (SELECT count(*) FROM gates) AS total_gates, (SELECT count(*) FROM artifacts) AS total_artifacts,
        (SELECT count(*) FROM reports) AS total_reports,
        CAST(COALESCE((SELECT sum(events) FROM event_seals), 0) AS bigint)
          + (SELECT count(*) FROM events_all WHERE seq > COALESCE((SELECT max(last_seq) FROM event_seals), 0)) AS total_events`);
    if (!counts) throw new Error("the statistics are empty");
    return counts;
  }

  async ready(): Promise<Readiness> {
    const writable =
      this.backend === "postgres"
        ? sql.raw("NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'")
        : sql.raw("1");
    const [found] = await this.rows(sql<{ writable: boolean | number; name: string | null }>`
      SELECT ${writable} AS writable, (SELECT max(name) FROM kysely_migration) AS name`);
    return { writable: Boolean(found?.writable), schema: found?.name ?? "none" };
  }

  async maintain(): Promise<Maintenance> {
    const { eventRetentionDays, idempotencyHours = 24, seal } = this.options;
    if (this.backend === "postgres") await this.rows(sql`SELECT ensure_event_partitions(${monthsAhead})`);
    const eventsSealed = (await this.attempt(async () => seal?.(this.database))) ?? 0;
    const [now] = await this.rows(sql<{ ms: number }>`SELECT ${nowMs[this.backend]} AS ms`);
    if (!now) throw new Error("the database gave no time");
    const ago = (hours: number) => new Date(now.ms - hours * 3_600_000).toISOString().replace("Z", "000Z");
    const eventsArchived = eventRetentionDays === undefined ? 0 : await this.archive(ago(24 * eventRetentionDays));
    return { eventsSealed, eventsArchived, keysExpired: await this.expireKeys(ago(idempotencyHours)) };
  }

  archive(before: string): Promise<number> {
    return this.attempt(() => this.writer.archive(before));
  }

  private async expireKeys(before: string): Promise<number> {
    for (let expired = 0; ;) {
      const { numAffectedRows = 0n } = await this.attempt(() =>
        sql`DELETE FROM idempotency_keys WHERE key IN (
          SELECT key FROM idempotency_keys WHERE created_at < ${before} ORDER BY created_at LIMIT ${keysAtOnce}
        )`.execute(this.database.db),
      );
      expired += Number(numAffectedRows);
      if (numAffectedRows < keysAtOnce) return expired;
    }
  }

  close(): Promise<void> {
    return this.database.close();
  }

  private update<T>(kind: EntityKind, id: string, change: Values, context: UpdateContext): Promise<Written<T>> {
    known(kind, id);
    return this.write(context, () => this.writer.update(kind, id, change, context));
  }

  private async write<T>(context: WriteContext, write: () => Promise<Recorded>): Promise<Written<T>> {
    const { event, replayed } = await this.attempt(write, context);
    return { entity: event.payload as T, seq: event.seq, replayed };
  }

  private async get<T>(kind: EntityKind, id: string): Promise<T> {
    known(kind, id);
    const [row] = await this.rows(
      sql<T>`SELECT ${columnList(kind)} FROM ${sql.id(entities[kind].table)} WHERE id = ${id}`,
    );
    if (!row) throw new NotFound(kind, id);
    return row;
  }

  private async listOf<T extends { id: string }>(
    kind: EntityKind,
    filter: Values,
    request: PageRequest,
  ): Promise<Page<T>> {
    const found = await this.list<T>(kind, filter, request);
    // None of none is not the same as none of one that is there.
    const [parent] = Object.entries(filter);
    if (found.items.length === 0 && parent) await this.get(parent[0] === "task_id" ? "task" : "run", String(parent[1]));
    return found;
  }

  private async list<T extends { id: string }>(
    kind: EntityKind,
    filter: Values,
    request: PageRequest,
  ): Promise<Page<T>> {
    const { table } = entities[kind];
    const list = label(table, filter);
    const last = after(list, request, isId);
    const rows = await this.rows(sql<T>`
      SELECT ${columnList(kind)} FROM ${sql.id(table)}
      WHERE ${where(filter)} ${last === undefined ? sql.raw("") : sql`AND id > ${last}`}
      ORDER BY id LIMIT ${request.limit + 1}`);
    return page(list, request, rows, ({ id }) => id);
  }

  private async rows<T>(query: RawBuilder<T>): Promise<T[]> {
    return this.attempt(async () => (await query.execute(this.database.db)).rows);
  }

  /** With a context it is a write: when it may have been carried out, it is tried again only under an idempotency key. */
  private async attempt<T>(work: () => Promise<T>, write?: WriteContext): Promise<T> {
    const { retryMs = 3000, conflictRetries = 5 } = this.options;
    const deadline = performance.now() + retryMs;
    for (let conflicts = 0, pause = 20; ;) {
      try {
        return await work();
      } catch (error) {
        if (this.backend === "sqlite") throw sqliteUnavailable(error) ?? error;
        const failure = classify(error);
        const again =
          failure === "conflict"
            ? ++conflicts <= conflictRetries
            : (failure === "not-done" || (failure === "unknown" && (!write || write.idempotency !== undefined))) &&
              performance.now() + pause < deadline;
        if (!again) throw postgresUnavailable(error) ?? error;
        await wait(Math.random() * pause);
        pause = Math.min(pause * 2, 500);
      }
    }
  }
}

const nowMs = {
  postgres: sql.raw("floor(extract(epoch FROM now()) * 1000)::bigint"),
  sqlite: sql.raw("CAST(unixepoch('subsec') * 1000 AS integer)"),
};

/** What is no id cannot be there. */
function known(kind: EntityKind, id: string): void {
  if (!isId(id)) throw new NotFound(kind, id);
}

const columnList = (kind: EntityKind) => sql.raw(columnsOf(kind).join(", "));

const given = (filter: Values) => Object.entries(filter).filter(([, value]) => value !== undefined);

function where(filter: Values): RawBuilder<unknown> {
  const terms = given(filter).map(([column, value]) => sql`${sql.id(column)} = ${value}`);
  return terms.length === 0 ? sql.raw("1 = 1") : sql.join(terms, sql.raw(" AND "));
}

const label = (name: string, filter: Values): string => JSON.stringify([name, ...given(filter)]);
