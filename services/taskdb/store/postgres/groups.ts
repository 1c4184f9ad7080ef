import { CompiledQuery, type Kysely } from "kysely";
import { DatabaseError } from "pg";
import type { Event } from "../../domain";
import { columnsOf, entities } from "../entities";
import type { Schema } from "../schema";
import { Unavailable, type WriteContext } from "../store";
import type { Recorded, Values } from "../writer";
import { classify } from "./failure";
import { eventAt, eventColumns, payloads, taskOf } from "./statement";

/** By measurement (docs/adr/0017): with more under way at once, groups are smaller and each task costs more. */
const groupsAtOnce = 2;
const tasksInGroup = 32;

const types = { id: "uuid", text: "text", json: "jsonb", number: "bigint" } as const;
const columns = Object.entries(entities.task.columns).flatMap(([name, type]) =>
  type === "time" ? [] : [{ name, type }],
);
const names = columns.map(({ name }) => name).join(", ");

/** Of any number of tasks, so that there is one statement to prepare. The events are numbered in the order of the group. */
const insertion = `
  WITH given AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS given (n integer, request_id varchar, key varchar, request_hash varchar,
      ${columns.map(({ name, type }) => `${name} ${types[type]}`).join(", ")})
  ), entity AS (
    INSERT INTO tasks (${names}, completed_at)
    SELECT ${names}, CASE WHEN status = 'completed' THEN now() END FROM given
    RETURNING ${columnsOf("task").join(", ")}
  ), event AS (
    INSERT INTO events (at, kind, entity_id, task_id, payload, request_id)
    SELECT ${eventAt("task")}, 'task.created', e.id, ${taskOf.task}, ${payloads.task}, e.request_id
    FROM (SELECT entity.*, given.request_id FROM entity JOIN given USING (id) ORDER BY given.n) e
    RETURNING ${eventColumns}
  ), key AS (
    INSERT INTO idempotency_keys (key, request_hash, event_seq, event_at)
    SELECT given.key, given.request_hash, event.seq, event.at
    FROM event JOIN given ON given.id = event.entity_id WHERE given.key IS NOT NULL
  )
  SELECT given.n, event.* FROM event JOIN given ON given.id = event.entity_id`;

/** A task to be created; `alone` does it in a statement of its own. */
interface Creation {
  readonly row: Values & { readonly id: string };
  readonly context: WriteContext;
  readonly alone: () => Promise<Recorded | undefined>;
}

interface Waiting {
  readonly creation: Creation;
  readonly resolve: (recorded: Recorded | undefined | Promise<Recorded | undefined>) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * Creations of tasks, which wait for no lock of another's: while few are under way each is sent at once and alone; those that come
 * meanwhile go together when one of them has returned, in the order in which they came.
 */
export class TaskGroups {
  private underWay = 0;
  private readonly waiting: Waiting[] = [];

  constructor(
    private readonly db: Kysely<Schema>,
    private readonly patienceMs: number,
  ) {}

  create(creation: Creation): Promise<Recorded | undefined> {
    if (this.underWay < groupsAtOnce) return this.turn(creation.alone);
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        creation,
        resolve,
        reject,
        timer: setTimeout(() => this.giveUp(waiting), this.patienceMs),
      };
      this.waiting.push(waiting);
    });
  }

  private async turn<T>(send: () => Promise<T>): Promise<T> {
    this.underWay++;
    try {
      return await send();
    } finally {
      this.underWay--;
      if (this.waiting.length > 0) {
        const group = this.waiting.splice(0, tasksInGroup);
        for (const { timer } of group) clearTimeout(timer);
        void this.turn(() => this.send(group));
      }
    }
  }

  /** Settles all of the group and never fails itself. */
  private async send(group: readonly Waiting[]): Promise<void> {
    try {
      const recorded = group.length === 1 ? [await group[0]?.creation.alone()] : await this.together(group);
      group.forEach(({ resolve }, n) => resolve(recorded[n]));
    } catch (error) {
      // It may have been one of them, or that they were so many: alone, each has the answer that it deserves.
      const again = group.length > 1 && notDone(error);
      for (const { creation, resolve, reject } of group) {
        if (again) resolve(creation.alone());
        else reject(error);
      }
    }
  }

  private async together(group: readonly Waiting[]): Promise<Recorded[]> {
    const given = group.map(({ creation: { row, context } }, n) => ({
      ...row,
      n,
      request_id: context.requestId,
      key: context.idempotency?.key,
      request_hash: context.idempotency?.requestHash,
    }));
    const { rows } = await this.db.executeQuery<Event & { n: number }>(
      CompiledQuery.raw(insertion, [JSON.stringify(given)]),
    );
    const recorded: Recorded[] = [];
    for (const { n, ...event } of rows) recorded[n] = { event, replayed: false };
    return recorded;
  }

  private giveUp(late: Waiting): void {
    this.waiting.splice(this.waiting.indexOf(late), 1);
    late.reject(
      new Unavailable(`PostgreSQL cannot answer now: the task waited ${this.patienceMs} ms for its turn`, false),
    );
  }
}

/** Whether the server said that it did nothing, and would do something if it were asked again. */
const notDone = (error: unknown) =>
  error instanceof DatabaseError && !["unknown", "not-done"].includes(classify(error));
