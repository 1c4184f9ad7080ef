import { type Kysely, sql } from "kysely";
import { derivedView } from "../derived";
import { now } from "./0001-tables";

const counts = { failed: "runs_failed", running: "runs_running", completed: "runs_completed" };
/** Adds (or with `-`, takes away) a run of a row trigger's `NEW` or `OLD`. */
const run = (row: "NEW" | "OLD", sign: "+" | "-") => `
  UPDATE task_status SET runs_total = runs_total ${sign} 1,
    ${Object.entries(counts)
      .map(([status, count]) => `${count} = ${count} ${sign} (${row}.status = '${status}')`)
      .join(", ")}, calculated_at = ${now}
  WHERE task_id = ${row}.task_id;`;
const recount = (row: "NEW" | "OLD") => `
  UPDATE task_status SET gates_failed =
    (SELECT count(*) FROM runs r JOIN gates g ON g.run_id = r.id WHERE r.task_id = task_status.task_id AND g.status = 'fail')
  WHERE task_id = ${row}.task_id;`;
const gate = (row: "NEW" | "OLD", sign: "+" | "-") => `
  UPDATE task_status SET gates_failed = gates_failed ${sign} (${row}.status = 'fail'), calculated_at = ${now}
  WHERE ${row}.status = 'fail' AND task_id = (SELECT task_id FROM runs WHERE id = ${row}.run_id);`;

const triggers: readonly (readonly [name: string, event: string, body: string])[] = [
  ["run_change_by_insert", "INSERT ON runs", run("NEW", "+")],
  [
    "run_change_by_update",
    "UPDATE ON runs WHEN OLD.task_id <> NEW.task_id OR OLD.status <> NEW.status OR OLD.id <> NEW.id",
    run("OLD", "-") + run("NEW", "+"),
  ],
  [
    "run_move_by_update",
    "UPDATE ON runs WHEN OLD.task_id <> NEW.task_id OR OLD.id <> NEW.id",
    recount("OLD") + recount("NEW"),
  ],
  ["run_change_by_delete", "DELETE ON runs", run("OLD", "-") + recount("OLD")],
  ["gate_change_by_insert", "INSERT ON gates WHEN NEW.status = 'fail'", gate("NEW", "+")],
  [
    "gate_change_by_update",
    "UPDATE ON gates WHEN OLD.status <> NEW.status OR OLD.run_id <> NEW.run_id",
    gate("OLD", "-") + gate("NEW", "+"),
  ],
  ["gate_change_by_delete", "DELETE ON gates WHEN OLD.status = 'fail'", gate("OLD", "-")],
  [
    "task_change_by_insert",
    "INSERT ON tasks",
    "INSERT INTO task_status (task_id, stored_status) VALUES (NEW.id, NEW.status);",
  ],
  [
    "task_change_by_update",
    "UPDATE ON tasks WHEN OLD.status <> NEW.status",
    `UPDATE task_status SET stored_status = NEW.status, calculated_at = ${now} WHERE task_id = NEW.id;`,
  ],
];

/** As on PostgreSQL, by row triggers: SQLite has no others, and one writer at a time. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const statements = [
    `CREATE TABLE task_status (
      task_id text PRIMARY KEY REFERENCES tasks ON DELETE CASCADE ON UPDATE CASCADE,
      stored_status text NOT NULL,
      runs_total integer NOT NULL DEFAULT 0 CHECK (runs_total >= 0),
      runs_failed integer NOT NULL DEFAULT 0 CHECK (runs_failed >= 0),
      runs_running integer NOT NULL DEFAULT 0 CHECK (runs_running >= 0),
      runs_completed integer NOT NULL DEFAULT 0 CHECK (runs_completed >= 0),
      gates_failed integer NOT NULL DEFAULT 0,
      calculated_at text NOT NULL DEFAULT ${now}
    ) STRICT`,
    derivedView,
    `CREATE VIEW task_status_derived_oracle AS
    SELECT
      t.id AS task_id,
      t.status AS stored_status,
      CASE
        WHEN EXISTS (SELECT 1 FROM runs r WHERE r.task_id = t.id AND r.status = 'failed') THEN 'failed'
        WHEN NOT EXISTS (SELECT 1 FROM runs r WHERE r.task_id = t.id) THEN 'pending'
        WHEN EXISTS (SELECT 1 FROM runs r WHERE r.task_id = t.id AND r.status = 'running') THEN 'in_progress'
        WHEN EXISTS (SELECT 1 FROM runs r WHERE r.task_id = t.id AND r.status = 'completed')
          AND NOT EXISTS (SELECT 1 FROM runs r JOIN gates g ON g.run_id = r.id WHERE r.task_id = t.id AND g.status = 'fail')
          THEN 'completed'
        ELSE 'blocked'
      END AS status_derived,
      COALESCE((
        SELECT CAST(count(*) FILTER (WHERE r.status = 'completed') AS real) / NULLIF(count(*), 0)
        FROM runs r WHERE r.task_id = t.id), 0.0) AS health_score,
      ${now} AS calculated_at
    FROM tasks t`,
    ...triggers.map(
      ([name, event, body]) =>
        `CREATE TRIGGER trigger_refresh_status_after_${name} AFTER ${event.replace(/ WHEN |$/, " FOR EACH ROW$&")} BEGIN ${body} END`,
    ),
    `INSERT INTO task_status (task_id, stored_status, runs_total, runs_failed, runs_running, runs_completed, gates_failed)
    SELECT t.id, t.status, count(r.id), count(r.id) FILTER (WHERE r.status = 'failed'),
      count(r.id) FILTER (WHERE r.status = 'running'), count(r.id) FILTER (WHERE r.status = 'completed'), COALESCE(sum(f.n), 0)
    FROM tasks t
    LEFT JOIN runs r ON r.task_id = t.id
    LEFT JOIN (SELECT run_id, count(*) AS n FROM gates WHERE status = 'fail' GROUP BY run_id) f ON f.run_id = r.id
    GROUP BY t.id`,
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const [name] of triggers) await sql`DROP TRIGGER ${sql.id(`trigger_refresh_status_after_${name}`)}`.execute(db);
  await sql`DROP VIEW task_status_derived_oracle`.execute(db);
  await sql`DROP VIEW task_status_derived_mv`.execute(db);
  await sql`DROP TABLE task_status`.execute(db);
}
