import { z } from "zod";

/** What the task database holds. Field names are those of the columns and of the API; JSON schemas are made from these. */

export const taskStatuses = ["pending", "in_progress", "completed", "failed", "cancelled", "retracted"] as const;
export const priorities = ["critical", "high", "medium", "low"] as const;
export const runStatuses = ["running", "completed", "failed", "cancelled"] as const;
export const gateTypes = ["lint", "policy", "security", "quality", "truth"] as const;
export const gateStatuses = ["pending", "pass", "fail", "skipped"] as const;
export const derivedStatuses = ["failed", "pending", "in_progress", "completed", "blocked"] as const;
/** Tables whose rows the event log can bring back, parents before children. */
export const entityKinds = ["task", "run", "gate", "artifact", "report"] as const;
export type EntityKind = (typeof entityKinds)[number];

/** How deep a document of a JSON column may be nested. */
export const jsonDepth = 32;

const nested = (value: unknown, left: number): boolean =>
  left > 0 &&
  (typeof value !== "object" || value === null || Object.values(value).every((each) => nested(each, left - 1)));
/** A number such as 1e400 is read as infinite, which JSON cannot say. */
const finite = (value: unknown): boolean =>
  typeof value === "object" && value !== null
    ? Object.values(value).every(finite)
    : typeof value !== "number" || Number.isFinite(value);

const characters = "must not contain the character U+0000 or half a surrogate pair";
/** PostgreSQL's text cannot hold the others. */
export const isStorable = (text: string): boolean => !text.includes("\0") && !/\p{Surrogate}/u.test(text);
const text = (most: number) => z.string().min(1).max(most).refine(isStorable, { error: characters });
/** Of a JSON column: what both databases can hold. */
const storable = <T extends z.ZodType>(type: T) =>
  type
    .refine((value) => nested(value, jsonDepth), { error: `must be nested at most ${jsonDepth} deep`, abort: true })
    .refine(finite, { error: "must have no number beyond 1.8e308" })
    // JSON.stringify writes both as escapes.
    .refine((value) => !/(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/.test(JSON.stringify(value)), { error: characters });
const json = storable(z.record(z.string(), z.unknown()));
const jsonList = storable(z.array(z.unknown()).max(1000));

export const id = z.uuid().toLowerCase();
/** UTC, always with six digits: texts sort as the times do, and the value doubles as the version of a row. */
export const timestamp = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, {
  error: "must be a time in UTC with microseconds, as in 2026-01-15T09:30:00.000000Z",
});
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, { error: "must be a SHA-256 in 64 lower-case hexadecimal digits" });

const nullable = <T extends z.ZodType>(type: T) => type.nullable().default(null);

export const newTask = z.strictObject({
  id: id.optional(),
  title: text(255),
  description: nullable(text(100_000)),
  status: z.enum(taskStatuses).default("pending"),
  priority: z.enum(priorities).default("medium"),
  policy_version: text(20),
  feature: nullable(text(100)),
  owner: nullable(text(100)),
  summary: nullable(text(100_000)),
  dependencies: nullable(jsonList),
  metadata: nullable(json),
});
export const task = z.strictObject({
  ...newTask.shape,
  id,
  description: z.string().nullable(),
  status: z.enum(taskStatuses),
  priority: z.enum(priorities),
  feature: z.string().nullable(),
  owner: z.string().nullable(),
  summary: z.string().nullable(),
  dependencies: z.array(z.unknown()).nullable(),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  created_at: timestamp,
  updated_at: timestamp,
  completed_at: timestamp.nullable(),
});
/** What may be changed later; a field that is left out stays as it is. `completed_at` follows the status. */
export const taskChange = z
  .strictObject({
    title: text(255),
    description: text(100_000).nullable(),
    status: z.enum(taskStatuses),
    priority: z.enum(priorities),
    policy_version: text(20),
    feature: text(100).nullable(),
    owner: text(100).nullable(),
    summary: text(100_000).nullable(),
    dependencies: jsonList.nullable(),
    metadata: json.nullable(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, { error: "must change at least one field" });

export const newRun = z.strictObject({
  id: id.optional(),
  status: z.enum(runStatuses).default("running"),
  tool_calls: jsonList.default([]),
  metrics: json.default({}),
});
export const run = z.strictObject({
  id,
  task_id: id,
  status: z.enum(runStatuses),
  tool_calls: z.array(z.unknown()),
  metrics: z.record(z.string(), z.unknown()),
  created_at: timestamp,
  updated_at: timestamp,
  completed_at: timestamp.nullable(),
});
export const runChange = z
  .strictObject({ status: z.enum(runStatuses), tool_calls: jsonList, metrics: json })
  .partial()
  .refine((change) => Object.keys(change).length > 0, { error: "must change at least one field" });

export const newGate = z.strictObject({
  id: id.optional(),
  name: text(255),
  type: z.enum(gateTypes),
  status: z.enum(gateStatuses).default("pending"),
  checks: jsonList.default([]),
});
export const gate = z.strictObject({
  id,
  run_id: id,
  name: z.string(),
  type: z.enum(gateTypes),
  status: z.enum(gateStatuses),
  checks: z.array(z.unknown()),
  created_at: timestamp,
  updated_at: timestamp,
});
export const gateChange = z
  .strictObject({ status: z.enum(gateStatuses), checks: jsonList })
  .partial()
  .refine((change) => Object.keys(change).length > 0, { error: "must change at least one field" });

export const newArtifact = z.strictObject({
  id: id.optional(),
  run_id: nullable(id),
  /** Relative to the folder of artifacts, `TASKDB_ARTIFACTS_DIR`. */
  path: text(1024).refine((path) => !path.startsWith("/") && !path.split("/").includes(".."), {
    error: "must be a path below the artifacts' folder, without ..",
  }),
  sha256,
  size_bytes: z.int().nonnegative(),
});
export const artifact = z.strictObject({
  id,
  task_id: id,
  run_id: id.nullable(),
  path: z.string(),
  sha256,
  size_bytes: z.int().nonnegative(),
  created_at: timestamp,
});

/** `task_id:<uuid>`, `run_id:<uuid>` or `artifact_hash:sha256:<hex>`; a bare `sha256:<hex>` is the last of them. */
export const claim = z
  .string()
  .regex(/^((task_id|run_id):[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(artifact_hash:)?sha256:[0-9a-f]{64})$/, {
    error: "must be task_id:<uuid>, run_id:<uuid> or artifact_hash:sha256:<64 hexadecimal digits>",
  });
export const newReport = z.strictObject({
  id: id.optional(),
  title: text(255),
  claims: z.array(claim).min(1).max(1000),
});
/** A claim as it stood at the snapshot. */
export const validatedClaim = z.strictObject({
  claim,
  result: z.enum(["pass", "fail"]),
  /** The status at the snapshot of a task or run; null of an artifact, and of what was not there. */
  status: z.string().nullable(),
});
export const report = z.strictObject({
  id,
  title: z.string(),
  /** Of all reports, no two have the same. */
  verification_snapshot_ts: timestamp,
  claims_validated: z.array(validatedClaim),
  created_at: timestamp,
});

export const newNote = z.strictObject({ text: text(10_000) });

export const event = z.strictObject({
  /** Position in the log; larger is later. Numbers may be missing. */
  seq: z.int().positive(),
  at: timestamp,
  /** What happened: `task.created`, `run.updated`, `run.deleted`, `note.added` … */
  kind: z.string(),
  entity_id: id,
  task_id: id.nullable(),
  /** The whole row after the change (before it, of one that was deleted). */
  payload: z.record(z.string(), z.unknown()),
  request_id: z.string().nullable(),
});

export const derivedStatus = z.strictObject({
  task_id: id,
  stored_status: z.enum(taskStatuses),
  status_derived: z.enum(derivedStatuses),
  /** Completed runs / all runs; 0 when there is none. */
  health_score: z.number().min(0).max(1),
  calculated_at: timestamp,
});

export type Task = z.infer<typeof task>;
export type NewTask = z.infer<typeof newTask>;
export type TaskChange = z.infer<typeof taskChange>;
export type Run = z.infer<typeof run>;
export type NewRun = z.infer<typeof newRun>;
export type RunChange = z.infer<typeof runChange>;
export type Gate = z.infer<typeof gate>;
export type NewGate = z.infer<typeof newGate>;
export type GateChange = z.infer<typeof gateChange>;
export type Artifact = z.infer<typeof artifact>;
export type NewArtifact = z.infer<typeof newArtifact>;
export type Report = z.infer<typeof report>;
export type NewReport = z.infer<typeof newReport>;
export type ValidatedClaim = z.infer<typeof validatedClaim>;
export type NewNote = z.infer<typeof newNote>;
export type Event = z.infer<typeof event>;
export type DerivedStatus = z.infer<typeof derivedStatus>;
export type DerivedStatusName = (typeof derivedStatuses)[number];
