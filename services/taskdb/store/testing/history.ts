import fc from "fast-check";
import { gateStatuses, runStatuses, taskStatuses } from "../../domain";

/** Statements of random histories, for both dialects: what they name by position may not be there, and then they do nothing. */
export interface Step {
  readonly name: string;
  /** Those that only PostgreSQL can do in one statement are left out on SQLite. */
  readonly only?: "postgres";
  readonly sql: (dialect: Dialect) => string;
}

export interface Dialect {
  readonly id: (text: string) => string;
}
export const postgres: Dialect = { id: (text) => `'${text}'::uuid` };
export const sqlite: Dialect = { id: (text) => `'${text}'` };

const uuid = fc.uuid();
const position = fc.nat(5);
const runStatus = fc.constantFrom(...runStatuses);
const gateStatus = fc.constantFrom("fail", ...gateStatuses);
/** Some rows of a table, by the first digit of their ids. */
const some = fc
  .subarray([..."0123456789abcdef"], { minLength: 1 })
  .map((digits) => `substr(CAST(id AS text), 1, 1) IN (${digits.map((digit) => `'${digit}'`).join(", ")})`);
const nth = (table: string, n: number) => `(SELECT id FROM ${table} ORDER BY id LIMIT 1 OFFSET ${n})`;

const step = <T>(
  name: string,
  parts: fc.Arbitrary<T>,
  sql: (parts: T, dialect: Dialect) => string,
  only?: "postgres",
) => parts.map((drawn): Step => ({ name, only, sql: (dialect) => sql(drawn, dialect) }));
const on = <T extends unknown[]>(...parts: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.tuple<T>(...parts);

const insertRun = (id: string, task: number, status: string, { id: text }: Dialect) =>
  `INSERT INTO runs (id, task_id, status) SELECT ${text(id)}, id, '${status}' FROM tasks WHERE id = ${nth("tasks", task)}`;
const insertGate = (id: string, run: number, status: string, { id: text }: Dialect) =>
  `INSERT INTO gates (id, run_id, name, type, status) SELECT ${text(id)}, id, 'g', 'lint', '${status}' FROM runs WHERE id = ${nth("runs", run)}`;

export const steps: fc.Arbitrary<Step> = fc.oneof(
  step(
    "task",
    on(uuid, fc.constantFrom(...taskStatuses)),
    ([id, status], { id: text }) =>
      `INSERT INTO tasks (id, title, policy_version, status) VALUES (${text(id)}, 't', '1', '${status}')`,
  ),
  step(
    "task's status",
    on(some, fc.constantFrom(...taskStatuses)),
    ([which, status]) => `UPDATE tasks SET status = '${status}' WHERE ${which}`,
  ),
  step("run", on(uuid, position, runStatus), ([id, task, status], dialect) => insertRun(id, task, status, dialect)),
  step("run", on(uuid, position, runStatus), ([id, task, status], dialect) => insertRun(id, task, status, dialect)),
  step("gate", on(uuid, position, gateStatus), ([id, run, status], dialect) => insertGate(id, run, status, dialect)),
  step("gate", on(uuid, position, gateStatus), ([id, run, status], dialect) => insertGate(id, run, status, dialect)),
  step(
    "run again",
    on(uuid, position, runStatus, runStatus),
    ([id, task, status, other], dialect) =>
      `${insertRun(id, task, status, dialect)} ON CONFLICT (id) DO UPDATE SET status = '${other}'`,
  ),
  step("runs' status", on(some, runStatus), ([which, status]) => `UPDATE runs SET status = '${status}' WHERE ${which}`),
  step(
    "gates' status",
    on(some, gateStatus),
    ([which, status]) => `UPDATE gates SET status = '${status}' WHERE ${which}`,
  ),
  step(
    "runs move",
    on(some, position, position),
    ([which, task]) =>
      `UPDATE runs SET task_id = ${nth("tasks", task)} WHERE ${which} AND EXISTS ${nth("tasks", task)}`,
  ),
  step(
    "runs move and change",
    on(some, position, runStatus),
    ([which, task, status]) =>
      `UPDATE runs SET status = '${status}', task_id = ${nth("tasks", task)} WHERE ${which} AND EXISTS ${nth("tasks", task)}`,
  ),
  step(
    "gates move",
    on(some, position, gateStatus),
    ([which, run, status]) =>
      `UPDATE gates SET status = '${status}', run_id = ${nth("runs", run)} WHERE ${which} AND EXISTS ${nth("runs", run)}`,
  ),
  step("gates go", some, (which) => `DELETE FROM gates WHERE ${which}`),
  step(
    "free runs go",
    some,
    (which) => `DELETE FROM runs WHERE ${which} AND NOT EXISTS (SELECT 1 FROM gates WHERE run_id = runs.id)`,
  ),
  step(
    "free tasks go",
    some,
    (which) => `DELETE FROM tasks WHERE ${which} AND NOT EXISTS (SELECT 1 FROM runs WHERE task_id = tasks.id)`,
  ),
  step(
    "a run goes with its gates",
    position,
    (run) =>
      `WITH g AS (DELETE FROM gates WHERE run_id = ${nth("runs", run)}) DELETE FROM runs WHERE id = ${nth("runs", run)}`,
    "postgres",
  ),
  step(
    "a run goes, other gates change",
    on(position, position, gateStatus),
    ([run, other, status]) =>
      `WITH g AS (DELETE FROM gates WHERE run_id = ${nth("runs", run)}),
       h AS (UPDATE gates SET status = '${status}' WHERE run_id = ${nth("runs", other)} AND run_id <> ${nth("runs", run)})
     DELETE FROM runs WHERE id = ${nth("runs", run)}`,
    "postgres",
  ),
  step(
    "a run moves, its gates change",
    on(position, position, gateStatus),
    ([run, task, status]) =>
      `WITH g AS (UPDATE gates SET status = '${status}' WHERE run_id = ${nth("runs", run)})
     UPDATE runs SET task_id = ${nth("tasks", task)} WHERE id = ${nth("runs", run)} AND EXISTS ${nth("tasks", task)}`,
    "postgres",
  ),
  step(
    "gates change, their run moves",
    on(position, position, gateStatus),
    ([run, task, status]) =>
      `WITH r AS (UPDATE runs SET task_id = ${nth("tasks", task)} WHERE id = ${nth("runs", run)} AND EXISTS ${nth("tasks", task)})
     UPDATE gates SET status = '${status}' WHERE run_id = ${nth("runs", run)}`,
    "postgres",
  ),
  step(
    "a task with runs and gates",
    on(uuid, uuid, uuid, runStatus, gateStatus),
    ([task, run, gate, status, verdict], { id }) =>
      `WITH t AS (INSERT INTO tasks (id, title, policy_version) VALUES (${id(task)}, 't', '1')),
       g AS (INSERT INTO gates (id, run_id, name, type, status) VALUES (${id(gate)}, ${id(run)}, 'g', 'lint', '${verdict}'))
     INSERT INTO runs (id, task_id, status) VALUES (${id(run)}, ${id(task)}, '${status}')`,
    "postgres",
  ),
  step(
    "many runs",
    on(runStatus, fc.integer({ min: 1, max: 4 })),
    ([status, each]) =>
      `INSERT INTO runs (task_id, status) SELECT t.id, '${status}' FROM tasks t, generate_series(1, ${each})`,
    "postgres",
  ),
  step(
    "many gates",
    on(some, gateStatus),
    ([which, status]) =>
      `INSERT INTO gates (run_id, name, type, status) SELECT id, 'g', 'lint', '${status}' FROM runs WHERE ${which}`,
    "postgres",
  ),
);

/** Tasks whose kept status is not that of the full query, or that one of them lacks; and those with a wrong count, which may not show yet. */
export const differences = `
  SELECT CAST(task_id AS text) AS task_id, 'status' AS what FROM (
    SELECT task_id, stored_status, status_derived, health_score FROM task_status_derived_mv
    UNION ALL SELECT task_id, stored_status, status_derived, health_score FROM task_status_derived_oracle
  ) both_of_them GROUP BY task_id, stored_status, status_derived, health_score HAVING count(*) <> 2
  UNION ALL
  SELECT CAST(s.task_id AS text), 'counts' FROM task_status s
  WHERE s.runs_total <> (SELECT count(*) FROM runs r WHERE r.task_id = s.task_id)
    OR s.runs_failed <> (SELECT count(*) FROM runs r WHERE r.task_id = s.task_id AND r.status = 'failed')
    OR s.runs_running <> (SELECT count(*) FROM runs r WHERE r.task_id = s.task_id AND r.status = 'running')
    OR s.runs_completed <> (SELECT count(*) FROM runs r WHERE r.task_id = s.task_id AND r.status = 'completed')
    OR s.gates_failed <>
      (SELECT count(*) FROM runs r JOIN gates g ON g.run_id = r.id WHERE r.task_id = s.task_id AND g.status = 'fail')`;
