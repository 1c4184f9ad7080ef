import { type Kysely, sql } from "kysely";
import { newestSeal, verifySeals } from "../log/verify";
import type { Database } from "../store/database";
import { migrate } from "../store/migrate";
import type { Schema } from "../store/schema";
import type { Check } from "./report";
import { sample } from "./sample";

/** Seals that are looked at without `--full`, from the newest back. */
const newestSeals = 50;
/** An event that nothing vouches for after this long, in ms, says that upkeep is not running. */
const unsealedMs = 3_600_000;

export async function eventLog(db: Kysely<Schema>, full: boolean, now: string): Promise<Check> {
  const name = "event log";
  const newest = await newestSeal(db);
  const first = full ? 0 : Math.max(0, (newest?.batch ?? 0) - newestSeals);
  const { breach, batches, events, unsealed } = await verifySeals(db, { afterBatch: first });
  if (breach) {
    const fix = "the log was changed behind the service: find out by whom, and restore it from a backup";
    return { name, status: "fail", detail: `batch ${breach.batch}: ${breach.problem}`, fix };
  }
  const which = first === 0 ? "all" : "the newest";
  const detail = `${which} ${batches} seals fit their ${events} events; ${unsealed.events} events are not sealed yet`;
  const old = unsealed.oldest !== null && Date.parse(now) - Date.parse(unsealed.oldest) > unsealedMs;
  return old
    ? {
        name,
        status: "warn",
        detail: `${detail}, the oldest of ${unsealed.oldest}`,
        fix: "the service seals while it runs: start it, or run taskdb seal",
      }
    : { name, status: "pass", detail, fix: null };
}

export async function derivedStatus(db: Kysely<Schema>, full: boolean): Promise<Check> {
  const name = "derived status";
  const { ids, size } = await sample(db, "tasks", full);
  let differing = 0;
  let example = "";
  for await (const page of ids) {
    if (page.length === 0) continue;
    const { rows } = await sql<{ task_id: string }>`
      SELECT o.task_id FROM task_status_derived_oracle o LEFT JOIN task_status_derived_mv m ON m.task_id = o.task_id
      WHERE o.task_id IN (${sql.join(page)}) AND (m.task_id IS NULL OR m.stored_status <> o.stored_status
        OR m.status_derived <> o.status_derived OR abs(m.health_score - o.health_score) > 1e-9)`.execute(db);
    differing += rows.length;
    example ||= rows[0]?.task_id ?? "";
  }
  return differing === 0
    ? { name, status: "pass", detail: `the same as by the full query for ${size} of tasks`, fix: null }
    : {
        name,
        status: "fail",
        detail: `${differing} of ${size} of tasks differ from the full query, among them ${example}`,
        fix: "take migration 0002 back and apply it again, which counts anew: triggers were switched off, or it is a fault of ours",
      };
}

export async function schemaVersion(database: Database): Promise<Check> {
  const name = "schema";
  const states = await migrate(database, "status");
  const missing = states.filter(({ appliedAt }) => appliedAt === null).map((state) => state.name);
  return missing.length === 0
    ? { name, status: "pass", detail: `${states.at(-1)?.name ?? "no migration"} is the newest migration`, fix: null }
    : { name, status: "fail", detail: `${missing.join(", ")} not applied`, fix: "taskdb migrate up" };
}

/** Whether a commit is on a second machine before it is answered, where the server is set up for that. */
export async function replication({ backend, db }: Database): Promise<Check> {
  const name = "replication";
  const pass = (detail: string): Check => ({ name, status: "pass", detail, fix: null });
  if (backend === "sqlite") return pass("not applicable: SQLite has none");
  const { rows } = await sql<{ standby: boolean; wanted: string; hidden: number; synchronous: number; all: number }>`
    SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_standby_names') AS wanted,
      (SELECT count(*) FROM pg_stat_replication WHERE sync_state IS NULL) AS hidden,
      (SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum') AND state = 'streaming') AS synchronous,
      (SELECT count(*) FROM pg_stat_replication) AS all`.execute(db);
  const { standby = false, wanted = "", hidden = 0, synchronous = 0, all = 0 } = rows[0] ?? {};
  if (standby) {
    const detail = "this is a standby: it can be read only";
    return { name, status: "fail", detail, fix: "let the address lead to the primary; during a failover, wait" };
  }
  if (wanted === "") return pass(`not applicable: the server waits for no standby (${all} are connected)`);
  if (synchronous > 0) return pass(`${synchronous} of ${all} standbys are synchronous`);
  return hidden > 0
    ? {
        name,
        status: "warn",
        detail: `${all} standbys, whose state this role may not see`,
        fix: "GRANT pg_read_all_stats to the service's role",
      }
    : {
        name,
        status: "fail",
        detail: `no synchronous standby (${all} are connected), though the server is set up to wait for one`,
        fix: "see to the standbys: writes wait, or are on one machine only",
      };
}

/** What gives out positions and snapshot times must be ahead of those that were given. */
export async function sequences({ backend, db }: Database): Promise<Check> {
  const name = "sequences";
  const last =
    backend === "postgres"
      ? sql`(SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_seq)`
      : sql`COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)`;
  const { rows } = await sql<{ last: number; most: number; clock: string; report: string | null }>`
    SELECT ${last} AS last, COALESCE((SELECT max(seq) FROM events_all), 0) AS most,
      (SELECT last FROM report_clock) AS clock, (SELECT max(verification_snapshot_ts) FROM reports) AS report`.execute(
    db,
  );
  const { last: given = 0, most = 0, clock = "", report = null } = rows[0] ?? {};
  if (given < most) {
    const fix = `stop the service, then SELECT setval('events_seq', ${most})`;
    return { name, status: "fail", detail: `the log is at ${most}, the next position would be ${given + 1}`, fix };
  }
  if (report !== null && clock < report) {
    const fix = `stop the service, then UPDATE report_clock SET last = '${report}'`;
    return { name, status: "fail", detail: `the newest report is of ${report}, the clock of reports at ${clock}`, fix };
  }
  return { name, status: "pass", detail: `positions go on after ${given}, the log ends at ${most}`, fix: null };
}

/** Keys that upkeep has left for this long, in hours, twice as long as a key is kept. */
const keyHours = 48;

export async function idempotencyKeys({ backend, db }: Database): Promise<Check> {
  const name = "idempotency keys";
  const old =
    backend === "postgres"
      ? sql`now() - make_interval(hours => ${keyHours})`
      : sql`strftime('%Y-%m-%dT%H:%M:%f', 'now', ${`-${keyHours} hours`}) || '000Z'`;
  const { rows } = await sql<{ all: number; expired: number }>`
    SELECT (SELECT count(*) FROM idempotency_keys) AS "all",
      (SELECT count(*) FROM (SELECT 1 FROM idempotency_keys WHERE created_at < ${old} LIMIT 100000) counted) AS expired`.execute(
    db,
  );
  const { all = 0, expired = 0 } = rows[0] ?? {};
  return expired === 0
    ? { name, status: "pass", detail: `${all}, none left over`, fix: null }
    : {
        name,
        status: "warn",
        detail: `${expired} of ${all} are older than ${keyHours} h`,
        fix: "upkeep does not run, or TASKDB_IDEMPOTENCY_HOURS is longer: look at the service's log",
      };
}
