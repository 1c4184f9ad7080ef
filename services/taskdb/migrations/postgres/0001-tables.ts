import { type Kysely, sql } from "kysely";

/** Tables of the requirements T-05 to T-18, with keys, constraints and the indexes that the service's reads use. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    CREATE TABLE tasks (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      title varchar(255) NOT NULL,
      description text,
      status varchar(20) NOT NULL DEFAULT 'pending'
        CONSTRAINT valid_status CHECK (status IN ('pending', 'in_progress', 'completed', 'failed', 'cancelled', 'retracted')),
      priority varchar(10) NOT NULL DEFAULT 'medium'
        CONSTRAINT valid_priority CHECK (priority IN ('critical', 'high', 'medium', 'low')),
      policy_version varchar(20) NOT NULL,
      feature varchar(100),
      owner varchar(100),
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      completed_at timestamptz,
      summary text,
      dependencies jsonb,
      metadata jsonb
    )`.execute(db);
  await sql`CREATE INDEX tasks_by_status ON tasks (status, id)`.execute(db);
  await sql`CREATE INDEX tasks_by_owner ON tasks (owner, id) WHERE owner IS NOT NULL`.execute(db);
  await sql`CREATE INDEX tasks_by_feature ON tasks (feature, id) WHERE feature IS NOT NULL`.execute(db);
  await sql`
    CREATE TABLE runs (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      task_id uuid NOT NULL REFERENCES tasks,
      status varchar(20) NOT NULL DEFAULT 'running'
        CONSTRAINT valid_run_status CHECK (status IN ('running', 'completed', 'failed', 'cancelled')),
      tool_calls jsonb NOT NULL DEFAULT '[]',
      metrics jsonb NOT NULL DEFAULT '{}',
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now(),
      completed_at timestamptz
    )`.execute(db);
  await sql`CREATE INDEX runs_of_task ON runs (task_id, id) INCLUDE (status)`.execute(db);
  await sql`
    CREATE TABLE gates (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      run_id uuid NOT NULL REFERENCES runs,
      name varchar(255) NOT NULL,
      type varchar(20) NOT NULL
        CONSTRAINT valid_gate_type CHECK (type IN ('lint', 'policy', 'security', 'quality', 'truth')),
      status varchar(20) NOT NULL DEFAULT 'pending'
        CONSTRAINT valid_gate_status CHECK (status IN ('pending', 'pass', 'fail', 'skipped')),
      checks jsonb NOT NULL DEFAULT '[]',
      created_at timestamptz NOT NULL DEFAULT now(),
      updated_at timestamptz NOT NULL DEFAULT now()
    )`.execute(db);
  await sql`CREATE INDEX gates_of_run ON gates (run_id, id) INCLUDE (status)`.execute(db);
  await sql`
    CREATE TABLE artifacts (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      task_id uuid NOT NULL REFERENCES tasks,
      run_id uuid REFERENCES runs ON DELETE SET NULL,
      path varchar(1024) NOT NULL,
      sha256 char(64) NOT NULL CONSTRAINT valid_sha256 CHECK (sha256 ~ '^[0-9a-f]{64}$'),
      size_bytes bigint NOT NULL CONSTRAINT valid_size CHECK (size_bytes >= 0),
      created_at timestamptz NOT NULL DEFAULT now()
    )`.execute(db);
  await sql`CREATE INDEX artifacts_of_task ON artifacts (task_id, id)`.execute(db);
  await sql`CREATE INDEX artifacts_of_run ON artifacts (run_id) WHERE run_id IS NOT NULL`.execute(db);
  await sql`CREATE INDEX artifacts_by_hash ON artifacts (sha256, created_at)`.execute(db);
  await sql`
    CREATE TABLE reports (
      id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
      title varchar(255) NOT NULL,
      verification_snapshot_ts timestamptz NOT NULL UNIQUE,
      claims_validated jsonb NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now()
    )`.execute(db);
  // Of its one row each report takes the next timestamp, whatever the clock does.
  await sql`
    CREATE TABLE report_clock (
      singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
      last timestamptz NOT NULL
    )`.execute(db);
  await sql`INSERT INTO report_clock (last) VALUES ('epoch')`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`DROP TABLE report_clock, reports, artifacts, gates, runs, tasks`.execute(db);
}
