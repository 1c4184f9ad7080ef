/**
 * The trigger function behind `task_status_derived_mv`. Runs are counted by what a statement has changed (additions commute, so
 * neither the order of triggers nor that of transactions matters). So are failed gates, until a run is deleted or moved: then
 * they are counted afresh for its tasks, and in the rest of that transaction, since a gate's trigger cannot tell what such a
 * count has seen already.
 *
 * Locks are taken in one order: runs, then statuses, each by id; but a statement that touches one task needs no order.
 */
const counts = ["runs_total", "runs_failed", "runs_running", "runs_completed"] as const;

const failedGates = `(SELECT count(*) FROM runs r JOIN gates g ON g.run_id = r.id WHERE r.task_id = s.task_id AND g.status = 'fail')`;

const counted = (rows: string, sign: 1 | -1): string => `
  SELECT task_id, ${sign} AS runs_total, ${sign} * (status = 'failed')::int AS runs_failed,
    ${sign} * (status = 'running')::int AS runs_running, ${sign} * (status = 'completed')::int AS runs_completed
  FROM ${rows}`;

const addRuns = (changes: string, gates: "keep" | "count"): string => `
  UPDATE task_status s SET
    ${counts.map((count) => `${count} = s.${count} + d.${count}`).join(", ")},
    ${gates === "count" ? `gates_failed = ${failedGates},` : ""} calculated_at = clock_timestamp()
  FROM (
    SELECT c.task_id, ${counts.map((count) => `sum(c.${count})::int AS ${count}`).join(", ")}
    FROM (${changes}) c GROUP BY c.task_id
  ) d
  WHERE s.task_id = d.task_id AND s.task_id = ANY (touched);`;

/** A task whose own trigger has not run yet, since one statement made the task and its runs, has no status to add to. */
const lock = `
  INSERT INTO task_status (task_id, stored_status)
  SELECT t.id, t.status FROM tasks t
  WHERE t.id = ANY (touched) AND NOT EXISTS (SELECT FROM task_status s WHERE s.task_id = t.id)
  ORDER BY t.id
  ON CONFLICT DO NOTHING;
  PERFORM FROM task_status s WHERE s.task_id = ANY (touched) ORDER BY s.task_id FOR NO KEY UPDATE;`;

/** First for one task, as nearly always; and when that found none, or there are several, in order. */
const inOrder = (update: string): string => `
  IF cardinality(touched) = 1 THEN ${update} END IF;
  IF cardinality(touched) > 1 OR NOT FOUND THEN ${lock} ${update} END IF;`;

const runsChanged = `
  (SELECT id, task_id, status FROM new_rows EXCEPT SELECT id, task_id, status FROM old_rows)
  UNION ALL (SELECT id, task_id, status FROM old_rows EXCEPT SELECT id, task_id, status FROM new_rows)`;
const both = `${counted("new_rows", 1)} UNION ALL ${counted("old_rows", -1)}`;

const failing = (sides: readonly (readonly [rows: string, sign: 1 | -1])[]): string => `
  SELECT run_id, sum(n)::int AS n FROM (
    ${sides.map(([rows, sign]) => `SELECT run_id, ${sign} AS n FROM ${rows} WHERE status = 'fail'`).join(" UNION ALL ")}
  ) f GROUP BY run_id HAVING sum(n) <> 0`;

/** A run's task is read only once nobody can move the run. */
const gates = (changes: string): string => `
  SELECT array_agg(run_id ORDER BY run_id) INTO touched FROM (${changes}) c;
  IF touched IS NULL THEN RETURN NULL; END IF;
  PERFORM FROM runs WHERE id = ANY (touched) ORDER BY id FOR SHARE;
  SELECT array_agg(DISTINCT task_id ORDER BY task_id) INTO touched FROM runs WHERE id = ANY (touched);
  IF touched IS NULL THEN RETURN NULL; END IF;
  IF current_setting('taskdb.recount', true) = 'on' THEN
    ${lock}
    UPDATE task_status s SET gates_failed = ${failedGates}, calculated_at = clock_timestamp() WHERE s.task_id = ANY (touched);
  ELSE
    ${inOrder(`
    UPDATE task_status s SET gates_failed = s.gates_failed + d.n, calculated_at = clock_timestamp()
    FROM (SELECT r.task_id, sum(c.n)::int AS n FROM (${changes}) c JOIN runs r ON r.id = c.run_id GROUP BY r.task_id) d
    WHERE s.task_id = d.task_id;`)}
  END IF;`;

const recount = `took := set_config('taskdb.recount', 'on', true);`;

/** What a statement over one row, as nearly all are, has changed: without planning by sets, which costs more than the rest. */
const setOne = (deltas: Readonly<Record<string, string>>) => `
  UPDATE task_status s SET ${Object.entries(deltas)
    .map(([count, delta]) => `${count} = s.${count} + ${delta}`)
    .join(", ")}, calculated_at = clock_timestamp()
  WHERE s.task_id = one;
  done := FOUND;`;
const isNow = (status: string) => `(now_is = '${status}')::int`;
const wasBefore = (status: string) => `(was = '${status}')::int`;
const changeOfOne = (sign: (status: string) => string) => ({
  runs_failed: sign("failed"),
  runs_running: sign("running"),
  runs_completed: sign("completed"),
});

const cases: readonly (readonly [when: string, body: string])[] = [
  [
    "runs INSERT",
    `
  IF (SELECT count(*) FROM new_rows) = 1 THEN
    SELECT task_id, status INTO one, now_is FROM new_rows;
    ${setOne({ runs_total: "1", ...changeOfOne(isNow) })}
  END IF;
  IF NOT done THEN
  SELECT array_agg(DISTINCT task_id ORDER BY task_id) INTO touched FROM new_rows;
  IF touched IS NULL THEN RETURN NULL; END IF;
  ${inOrder(addRuns(counted("new_rows", 1), "keep"))}
  END IF;`,
  ],
  [
    "runs UPDATE",
    `
  IF (SELECT count(*) FROM new_rows) = 1 THEN
    SELECT n.task_id, n.status, o.status, n.task_id = o.task_id AND n.id = o.id INTO one, now_is, was, stays
    FROM new_rows n, old_rows o;
    IF stays AND now_is = was THEN RETURN NULL; END IF;
    IF stays THEN ${setOne(changeOfOne((status) => `${isNow(status)} - ${wasBefore(status)}`))} END IF;
  END IF;
  IF NOT done THEN
  SELECT array_agg(DISTINCT c.task_id ORDER BY c.task_id) INTO touched FROM (${runsChanged}) c;
  IF touched IS NULL THEN RETURN NULL; END IF;
  IF EXISTS (SELECT id, task_id FROM new_rows EXCEPT SELECT id, task_id FROM old_rows) THEN
    ${recount} ${lock} ${addRuns(both, "count")}
  ELSE
    ${inOrder(addRuns(both, "keep"))}
  END IF;
  END IF;`,
  ],
  [
    "runs DELETE",
    `
  SELECT array_agg(DISTINCT task_id ORDER BY task_id) INTO touched FROM old_rows;
  IF touched IS NULL THEN RETURN NULL; END IF;
  ${recount} ${lock} ${addRuns(counted("old_rows", -1), "count")}`,
  ],
  [
    "runs TRUNCATE",
    `UPDATE task_status SET ${counts.map((count) => `${count} = 0`).join(", ")}, gates_failed = 0, calculated_at = clock_timestamp();`,
  ],
  ["gates INSERT", gates(failing([["new_rows", 1]]))],
  [
    "gates UPDATE",
    gates(
      failing([
        ["new_rows", 1],
        ["old_rows", -1],
      ]),
    ),
  ],
  ["gates DELETE", gates(failing([["old_rows", -1]]))],
  [
    "gates TRUNCATE",
    `UPDATE task_status SET gates_failed = 0, calculated_at = clock_timestamp() WHERE gates_failed <> 0;`,
  ],
  [
    "tasks INSERT",
    `
  INSERT INTO task_status (task_id, stored_status) SELECT id, status FROM new_rows ORDER BY id
  ON CONFLICT (task_id) DO UPDATE SET stored_status = EXCLUDED.stored_status, calculated_at = clock_timestamp();`,
  ],
  [
    "tasks UPDATE",
    `
  SELECT array_agg(id ORDER BY id) INTO touched
  FROM (SELECT id, status FROM new_rows EXCEPT SELECT id, status FROM old_rows) c;
  IF touched IS NULL THEN RETURN NULL; END IF;
  IF cardinality(touched) > 1 THEN ${lock} END IF;
  UPDATE task_status s SET stored_status = n.status, calculated_at = clock_timestamp()
  FROM new_rows n WHERE s.task_id = n.id AND s.task_id = ANY (touched) AND s.stored_status <> n.status;`,
  ],
];

/** How long the last upkeep of a session took, in microseconds, is left in `taskdb.refresh_us`; the service samples it for its histogram. */
export const refresh = `
CREATE FUNCTION refresh_task_status_derived() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz := clock_timestamp();
  touched uuid[];
  one uuid;
  was text;
  now_is text;
  stays boolean;
  done boolean := false;
  took text;
BEGIN
  ${cases.map(([when, body], index) => `${index === 0 ? "IF" : "ELSIF"} TG_TABLE_NAME = '${when.split(" ")[0]}' AND TG_OP = '${when.split(" ")[1]}' THEN ${body}`).join("\n  ")}
  END IF;
  took := set_config('taskdb.refresh_us', (extract(epoch FROM clock_timestamp() - started) * 1000000)::bigint::text, false);
  RETURN NULL;
END $$`;
