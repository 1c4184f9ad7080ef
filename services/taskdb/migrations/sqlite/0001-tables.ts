import { type Kysely, sql } from "kysely";

const time = (column: string, rest = "NOT NULL") =>
  `${column} text ${rest} CHECK (${column} GLOB '????-??-??T??:??:??.??????Z')`;
const json = (column: string, rest = "NOT NULL") => `${column} text ${rest} CHECK (json_valid(${column}))`;
const id = "id text PRIMARY KEY CHECK (length(id) = 36)";
/** Milliseconds are what SQLite's own clock gives; the service gives its times itself. */
export const now = "(strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z')";

/** The tables of PostgreSQL's first step: the same names, constraints and order. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const statements = [
    `CREATE TABLE tasks (
      ${id},
      title text NOT NULL CHECK (length(title) <= 255),
      description text,
      status text NOT NULL DEFAULT 'pending'
        CONSTRAINT valid_status CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled', 'retracted')),
      priority text NOT NULL DEFAULT 'medium'
        CONSTRAINT valid_priority CHECK (priority IN ('critical', 'high', 'medium', 'low')),
      policy_version text NOT NULL CHECK (length(policy_version) <= 20),
      feature text CHECK (length(feature) <= 100),
      owner text CHECK (length(owner) <= 100),
      ${time("created_at", `NOT NULL DEFAULT ${now}`)},
      ${time("updated_at", `NOT NULL DEFAULT ${now}`)},
      ${time("completed_at", "")},
      summary text,
      ${json("dependencies", "")},
      ${json("metadata", "")}
    ) STRICT`,
    `CREATE INDEX tasks_by_status ON tasks (status, id)`,
    `CREATE INDEX tasks_by_owner ON tasks (owner, id) WHERE owner IS NOT NULL`,
    `CREATE INDEX tasks_by_feature ON tasks (feature, id) WHERE feature IS NOT NULL`,
    `CREATE TABLE runs (
      ${id},
      task_id text NOT NULL REFERENCES tasks,
      status text NOT NULL DEFAULT 'running'
        CONSTRAINT valid_run_status CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
      ${json("tool_calls", "NOT NULL DEFAULT '[]'")},
      ${json("metrics", "NOT NULL DEFAULT '{}'")},
      ${time("created_at", `NOT NULL DEFAULT ${now}`)},
      ${time("updated_at", `NOT NULL DEFAULT ${now}`)},
      ${time("completed_at", "")}
    ) STRICT`,
    `CREATE INDEX runs_of_task ON runs (task_id, id, status)`,
    `CREATE TABLE gates (
      ${id},
      run_id text NOT NULL REFERENCES runs,
      name text NOT NULL CHECK (length(name) <= 255),
      type text NOT NULL
        CONSTRAINT valid_gate_type CHECK (type IN ('lint', 'policy', 'security', 'quality', 'truth')),
      status text NOT NULL DEFAULT 'pending'
        CONSTRAINT valid_gate_status CHECK (status IN ('pending', 'pass', 'fail', 'skipped')),
      ${json("checks", "NOT NULL DEFAULT '[]'")},
      ${time("created_at", `NOT NULL DEFAULT ${now}`)},
      ${time("updated_at", `NOT NULL DEFAULT ${now}`)}
    ) STRICT`,
    `CREATE INDEX gates_of_run ON gates (run_id, id, status)`,
    `CREATE TABLE artifacts (
      ${id},
      task_id text NOT NULL REFERENCES tasks,
      run_id text REFERENCES runs ON DELETE SET NULL,
      path text NOT NULL CHECK (length(path) <= 1024),
      sha256 text NOT NULL CONSTRAINT valid_sha256 CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
      size_bytes integer NOT NULL CONSTRAINT valid_size CHECK (size_bytes >= 0),
      ${time("created_at", `NOT NULL DEFAULT ${now}`)}
    ) STRICT`,
    `CREATE INDEX artifacts_of_task ON artifacts (task_id, id)`,
    `CREATE INDEX artifacts_of_run ON artifacts (run_id) WHERE run_id IS NOT NULL`,
    `CREATE INDEX artifacts_by_hash ON artifacts (sha256, created_at)`,
    `CREATE TABLE reports (
      ${id},
      title text NOT NULL CHECK (length(title) <= 255),
      ${time("verification_snapshot_ts", "NOT NULL UNIQUE")},
      ${json("claims_validated")},
      ${time("created_at", `NOT NULL DEFAULT ${now}`)}
    ) STRICT`,
    `CREATE TABLE report_clock (singleton integer PRIMARY KEY DEFAULT 1 CHECK (singleton = 1), ${time("last")}) STRICT`,
    `INSERT INTO report_clock (last) VALUES ('1970-01-01T00:00:00.000000Z')`,
  ];
  for (const statement of statements) await sql.raw(statement).execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const table of ["report_clock", "reports", "artifacts", "gates", "runs", "tasks"]) {
    await sql`DROP TABLE ${sql.id(table)}`.execute(db);
  }
}
