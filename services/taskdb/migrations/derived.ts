/** The rules of the derived status (T-22 to T-30) over the counts of a task's runs and failed gates, in both databases' SQL. */
export const derivedView = `
  CREATE VIEW task_status_derived_mv AS
  SELECT
    task_id,
    stored_status,
    CAST(CASE
      WHEN runs_failed > 0 THEN 'failed'
      WHEN runs_total = 0 THEN 'pending'
      WHEN runs_running > 0 THEN 'in_progress'
      WHEN runs_completed > 0 AND gates_failed = 0 THEN 'completed'
      ELSE 'blocked'
    END AS varchar(20)) AS status_derived,
    CASE WHEN runs_total = 0 THEN 0.0 ELSE CAST(runs_completed AS double precision) / runs_total END AS health_score,
    calculated_at
  FROM task_status`;
