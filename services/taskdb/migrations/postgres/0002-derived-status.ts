import { type Kysely, sql } from "kysely";

/**
 * The derived status of each task (T-19 to T-26), kept by statement-level triggers that add what a statement has changed to
 * the counts of the tasks it touched. The rules stand once, in the generated columns; the full query that they are held
 * against is the view `task_status_derived_oracle`.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE task_status (
      task_id uuid PRIMARY KEY REFERENCES tasks ON DELETE CASCADE,
      stored_status varchar(20) NOT NULL,
      runs_total integer NOT NULL DEFAULT 0 CHECK (runs_total >= 0),
      runs_failed integer NOT NULL DEFAULT 0 CHECK (runs_failed >= 0),
      runs_running integer NOT NULL DEFAULT 0 CHECK (runs_running >= 0),
      runs_completed integer NOT NULL DEFAULT 0 CHECK (runs_completed >= 0),
      gates_failed integer NOT NULL DEFAULT 0 CHECK (gates_failed >= 0),
      status_derived varchar(20) NOT NULL GENERATED ALWAYS AS (
        CASE
          WHEN runs_failed > 0 THEN 'failed'
          WHEN runs_total = 0 THEN 'pending'
          WHEN runs_running > 0 THEN 'in_progress'
          WHEN runs_completed > 0 AND gates_failed = 0 THEN 'completed'
          ELSE 'blocked'
        END) STORED,
      health_score double precision NOT NULL GENERATED ALWAYS AS (
        CASE WHEN runs_total = 0 THEN 0 ELSE runs_completed::double precision / runs_total END) STORED,
      calculated_at timestamptz NOT NULL DEFAULT now()
    ) WITH (fillfactor = 70)`.execute(db);
  await sql`
    CREATE VIEW task_status_derived_mv AS
    SELECT task_id, stored_status, status_derived, health_score, calculated_at FROM task_status`.execute(db);
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
      END AS status_derived,
      COALESCE((SELECT avg((r.status = 'completed')::int::double precision) FROM runs r WHERE r.task_id = t.id), 0) AS health_score,
      now() AS calculated_at
    FROM tasks t`.execute(db);

  // How long the last upkeep of this session took, in microseconds; the service samples it for its histogram.
  const timed = (body: string) => `
    started timestamptz := clock_timestamp();
    BEGIN
      ${body}
      PERFORM set_config('taskdb.refresh_us', (extract(epoch FROM clock_timestamp() - started) * 1e6)::bigint::text, false);
      RETURN NULL;
    END`;
  const trigger = async (name: string, body: string): Promise<void> => {
    await sql`CREATE FUNCTION ${sql.id(name)}() RETURNS trigger LANGUAGE plpgsql AS ${sql.lit(`DECLARE ${timed(body)}`)}`.execute(
      db,
    );
  };
  // Rows are locked in one order first, or two statements over the same tasks could wait for each other.
  const add = (changes: string, columns: readonly string[]): string => `
    PERFORM FROM task_status s WHERE s.task_id IN (SELECT c.task_id FROM (${changes}) c) ORDER BY s.task_id FOR NO KEY UPDATE;
    UPDATE task_status s SET
      ${columns.map((column) => `${column} = s.${column} + d.${column}`).join(", ")}, calculated_at = clock_timestamp()
    FROM (
      SELECT c.task_id, ${columns.map((column) => `sum(c.${column}) AS ${column}`).join(", ")} FROM (${changes}) c GROUP BY c.task_id
    ) d
    WHERE s.task_id = d.task_id AND (${columns.map((column) => `d.${column} <> 0`).join(" OR ")});`;
  const runColumns = ["runs_total", "runs_failed", "runs_running", "runs_completed", "gates_failed"];
  const runCounts = (rows: string, sign: 1 | -1, gates = "0"): string => `
    SELECT task_id, ${sign} AS runs_total, ${sign} * (status = 'failed')::int AS runs_failed,
      ${sign} * (status = 'running')::int AS runs_running, ${sign} * (status = 'completed')::int AS runs_completed,
      ${sign} * ${gates} AS gates_failed
    FROM ${rows} r`;
  // A run that moves to another task takes its gates' verdicts along.
  const failedGates = "(SELECT count(*) FROM gates g WHERE g.run_id = r.id AND g.status = 'fail')::int";
  const gateCounts = (rows: string, sign: 1 | -1): string => `
    SELECT r.task_id, ${sign} AS gates_failed FROM ${rows} g JOIN runs r ON r.id = g.run_id WHERE g.status = 'fail'`;

  await trigger("count_new_runs", add(runCounts("new_rows", 1), runColumns));
  await trigger("count_gone_runs", add(runCounts("old_rows", -1), runColumns));
  await trigger(
    "count_changed_runs",
    add(`${runCounts("new_rows", 1, failedGates)} UNION ALL ${runCounts("old_rows", -1, failedGates)}`, runColumns),
  );
  await trigger("count_new_gates", add(gateCounts("new_rows", 1), ["gates_failed"]));
  await trigger("count_gone_gates", add(gateCounts("old_rows", -1), ["gates_failed"]));
  await trigger(
    "count_changed_gates",
    add(`${gateCounts("new_rows", 1)} UNION ALL ${gateCounts("old_rows", -1)}`, ["gates_failed"]),
  );
  await trigger(
    "open_task_status",
    "INSERT INTO task_status (task_id, stored_status) SELECT id, status FROM new_rows;",
  );
  await trigger(
    "follow_task_status",
    `UPDATE task_status s SET stored_status = n.status, calculated_at = clock_timestamp()
     FROM new_rows n WHERE s.task_id = n.id AND s.stored_status <> n.status;`,
  );
  const on = async (table: string, event: "INSERT" | "UPDATE" | "DELETE", run: string, name: string): Promise<void> => {
    const rows = {
      INSERT: "NEW TABLE AS new_rows",
      UPDATE: "OLD TABLE AS old_rows NEW TABLE AS new_rows",
      DELETE: "OLD TABLE AS old_rows",
    }[event];
    await sql`
      CREATE TRIGGER ${sql.id(name)} AFTER ${sql.raw(event)} ON ${sql.id(table)}
      REFERENCING ${sql.raw(rows)} FOR EACH STATEMENT EXECUTE FUNCTION ${sql.id(run)}()`.execute(db);
  };
  await on("tasks", "INSERT", "open_task_status", "trigger_open_status_after_task_insert");
  await on("tasks", "UPDATE", "follow_task_status", "trigger_follow_status_after_task_change");
  await on("runs", "INSERT", "count_new_runs", "trigger_refresh_status_after_run_insert");
  await on("runs", "UPDATE", "count_changed_runs", "trigger_refresh_status_after_run_change");
  await on("runs", "DELETE", "count_gone_runs", "trigger_refresh_status_after_run_delete");
  await on("gates", "INSERT", "count_new_gates", "trigger_refresh_status_after_gate_insert");
  await on("gates", "UPDATE", "count_changed_gates", "trigger_refresh_status_after_gate_change");
  await on("gates", "DELETE", "count_gone_gates", "trigger_refresh_status_after_gate_delete");
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const functions = [
    "count_new_runs",
    "count_gone_runs",
    "count_changed_runs",
    "count_new_gates",
    "count_gone_gates",
    "count_changed_gates",
    "open_task_status",
    "follow_task_status",
  ];
  // Their triggers go with them.
  for (const name of functions) await sql`DROP FUNCTION ${sql.id(name)}() CASCADE`.execute(db);
  await sql`DROP VIEW task_status_derived_oracle, task_status_derived_mv`.execute(db);
  await sql`DROP TABLE task_status`.execute(db);
}
