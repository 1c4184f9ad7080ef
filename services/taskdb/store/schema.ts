import type { ColumnType, Generated } from "kysely";
import type { DerivedStatusName, Gate, Run, Task, ValidatedClaim } from "../domain";

/** The tables and views, the same on both backends. Times are texts as in the domain; a JSON column takes a text and gives its value. */
export interface Schema {
  tasks: Tasks;
  runs: Runs;
  gates: Gates;
  artifacts: Artifacts;
  reports: Reports;
  report_clock: { singleton: ColumnType<boolean | number, never, never>; last: string };
  task_status: TaskStatuses;
  task_status_derived_mv: DerivedStatuses;
  task_status_derived_oracle: DerivedStatuses;
  events: Events;
  events_archive: Events;
  /** Both of them. */
  events_all: Events;
  event_seals: EventSeals;
  idempotency_keys: IdempotencyKeys;
}

type Json<T> = ColumnType<T, string, string>;

export interface Tasks {
  id: string;
  title: string;
  description: string | null;
  status: Task["status"];
  priority: Task["priority"];
  policy_version: string;
  feature: string | null;
  owner: string | null;
  created_at: string;
  updated_at: string;
  completed_at: string | null;
  summary: string | null;
  dependencies: ColumnType<unknown[] | null, string | null, string | null>;
  metadata: ColumnType<Record<string, unknown> | null, string | null, string | null>;
}

export interface Runs {
  id: string;
  task_id: string;
  status: Run["status"];
  tool_calls: Json<unknown[]>;
  metrics: Json<Record<string, unknown>>;
  created_at: string;
  updated_at: string;
  completed_at: string | null;
}

export interface Gates {
  id: string;
  run_id: string;
  name: string;
  type: Gate["type"];
  status: Gate["status"];
  checks: Json<unknown[]>;
  created_at: string;
  updated_at: string;
}

export interface Artifacts {
  id: string;
  task_id: string;
  run_id: string | null;
  path: string;
  sha256: string;
  size_bytes: number;
  created_at: string;
}

export interface Reports {
  id: string;
  title: string;
  verification_snapshot_ts: string;
  claims_validated: Json<ValidatedClaim[]>;
  created_at: string;
}

export interface DerivedStatuses {
  task_id: string;
  stored_status: Task["status"];
  status_derived: DerivedStatusName;
  health_score: number;
  calculated_at: string;
}

export interface TaskStatuses {
  task_id: string;
  stored_status: Task["status"];
  runs_total: Generated<number>;
  runs_failed: Generated<number>;
  runs_running: Generated<number>;
  runs_completed: Generated<number>;
  gates_failed: Generated<number>;
  calculated_at: Generated<string>;
}

export interface Events {
  seq: Generated<number>;
  at: Generated<string>;
  kind: string;
  entity_id: string;
  task_id: string | null;
  /** Kept as the text that it was written as; select `payload::text` (or `payload` under another name on SQLite) for that text. */
  payload: Json<Record<string, unknown>>;
  request_id: string | null;
}

export interface EventSeals {
  batch: number;
  first_seq: number;
  last_seq: number;
  events: number;
  digest: string;
  leaves: string;
  sealed_at: Generated<string>;
}

export interface IdempotencyKeys {
  key: string;
  request_hash: string;
  event_seq: number;
  event_at: string;
  created_at: Generated<string>;
}
