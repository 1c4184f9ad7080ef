import { type Kysely, sql } from "kysely";
import { derivedView } from "../derived";
import { refresh } from "./refresh";

/**
 * The derived status of each task (T-19 to T-30), kept by statement-level triggers that add what a statement has changed to
 * the counts of the tasks it touched. The rules over the counts stand once, in the view: columns kept by the table would be
 * written again with every run. The full query that they are held against is the view `task_status_derived_oracle`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // No count of failed gates may be below nought either; but within a statement that moves a run it can be, for a moment.
  await sql`
    CREATE TABLE task_status (
      task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE ON UPDATE CASCADE,
      stored_status varchar(20) NOT NULL,
      runs_total integer NOT NULL DEFAULT 0 CHECK (runs_total >= 0),
      runs_failed integer NOT NULL DEFAULT 0 CHECK (runs_failed >= 0),
      runs_running integer NOT NULL DEFAULT 0 CHECK (runs_running >= 0),
      runs_completed integer NOT NULL DEFAULT 0 CHECK (runs_completed >= 0),
      gates_failed integer NOT NULL DEFAULT 0,
      calculated_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 70)`.execute(db);
  await sql.raw(derivedView).execute(db);
  await sql`
    CREATE VIEW task_status_derived_oracle AS
    SELECT
      t.id AS task_id,
      t.status AS stored_status,
      CASE
        WHEN EXISTS (SELECT FROM runs r WHERE r.task_id = t.id AND r.status = 'failed') THEN 'failed'
        WHEN NOT EXISTS (SELECT FROM runs r WHERE r.task_id = t.id) THEN 'pending'
        WHEN EXISTS (SELECT FROM runs r WHERE r.task_id = t.id AND r.status = 'running') THEN 'in_progress'
        WHEN EXISTS (SELECT FROM runs r WHERE r.task_id = t.id AND r.status = 'completed')
          AND NOT EXISTS (SELECT FROM runs r JOIN gates g ON g.run_id = r.id WHERE r.task_id = t.id AND g.status = 'fail')
          THEN 'completed'
        ELSE 'blocked'
      END::varchar(20) AS status_derived,
      COALESCE((
        SELECT count(*) FILTER (WHERE r.status = 'completed')::double precision / NULLIF(count(*), 0)
        FROM runs r WHERE r.task_id = t.id), 0) AS health_score,
      now() AS calculated_at
    FROM tasks t`.execute(db);
  await sql.raw(refresh).execute(db);
  for (const [table, row] of [
    ["tasks", "task"],
    ["runs", "run"],
    ["gates", "gate"],
  ] as const) {
    for (const [event, transition] of [
      ["INSERT", "REFERENCING NEW TABLE AS new_rows"],
      ["UPDATE", "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows"],
      ["DELETE", "REFERENCING OLD TABLE AS old_rows"],
      ["TRUNCATE", ""],
    ] as const) {
      // What refers to a task goes with it, its status too.
      if (table === "tasks" && (event === "DELETE" || event === "TRUNCATE")) continue;
      // A trigger with transition tables can serve one event only.
      const name = `trigger_refresh_status_after_${row}_change_by_${event.toLowerCase()}`;
      await sql`
        CREATE TRIGGER ${sql.id(name)} AFTER ${sql.raw(event)} ON ${sql.id(table)}
        ${sql.raw(transition)} FOR EACH STATEMENT EXECUTE FUNCTION refresh_task_status_derived()`.execute(db);
    }
  }
  // There may be tasks already, when this step was taken back and is done again.
  await sql`
    INSERT INTO task_status (task_id, stored_status, runs_total, runs_failed, runs_running, runs_completed, gates_failed)
    SELECT t.id, t.status, count(r.id), count(r.id) FILTER (WHERE r.status = 'failed'),
      count(r.id) FILTER (WHERE r.status = 'running'), count(r.id) FILTER (WHERE r.status = 'completed'), COALESCE(sum(f.n), 0)
    FROM tasks t
    LEFT JOIN runs r ON r.task_id = t.id
    LEFT JOIN (SELECT run_id, count(*) AS n FROM gates WHERE status = 'fail' GROUP BY run_id) f ON f.run_id = r.id
    GROUP BY t.id`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  // Its triggers go with it.
  await sql`DROP FUNCTION refresh_task_status_derived() CASCADE`.execute(db);
  await sql`DROP VIEW task_status_derived_oracle, task_status_derived_mv`.execute(db);
  await sql`DROP TABLE task_status`.execute(db);
}
