import { z } from "zod";
import * as domain from "../domain";

/** Shapes that only the API has; those of the data are the domain's. */

export const problem = z.object({
  /** Names the kind of problem; stays the same for the same kind. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  /** The request, as in the log. */
  instance: z.string(),
  /** Of a request that is not valid: each field, what it was (cut short) and what is right. */
  errors: z.array(z.object({ field: z.string(), value: z.string(), expected: z.string() })).optional(),
});
export type Problem = z.infer<typeof problem>;

const short = (most: number) =>
  z.string().min(1).max(most).refine(domain.isStorable, { error: "must not contain the character U+0000" });
const digits = (least: number, most: number) =>
  z.coerce
    .number({ error: `must be a whole number from ${least} to ${most}` })
    .int()
    .min(least)
    .max(most);

export const byId = z.strictObject({ id: domain.id });

export const page = {
  limit: digits(1, 500).default(50).describe("rows of a page"),
  cursor: short(500).optional().describe("`next` of the page before"),
};
export const pageQuery = z.strictObject(page);
export const taskQuery = z.strictObject({
  ...page,
  status: z.enum(domain.taskStatuses).optional(),
  priority: z.enum(domain.priorities).optional(),
  owner: short(100).optional(),
  feature: short(100).optional(),
});
export const eventQuery = z.strictObject({
  ...page,
  task_id: domain.id.optional(),
  entity_id: domain.id.optional(),
  kind: short(40).optional().describe("as in `run.created`"),
  after: digits(0, Number.MAX_SAFE_INTEGER).optional().describe("only events after this position"),
});
export const noQuery = z.strictObject({});

export const requestId = /^[\w.:+/=-]{1,100}$/;
const writeHeaderShape = {
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, { error: "must be 1 to 255 printable ASCII characters without spaces" })
    .optional()
    .describe("a write under a key that was used before is not done again: it answers as the first one did"),
};
export const writeHeaders = z.looseObject(writeHeaderShape);
export const changeHeaders = z.looseObject({
  ...writeHeaderShape,
  "if-match": z
    .string()
    .max(1000)
    .regex(/^\s*(\*|(W\/)?"[^"\s]*"(\s*,\s*(W\/)?"[^"\s]*")*)\s*$/, { error: 'must be * or ETags as in "v1", "v2"' })
    .optional()
    .describe("the ETag of the row that the change was made for; a newer row is not changed (412)"),
});
export const readHeaders = z.looseObject({
  "if-none-match": z.string().max(1000).optional().describe("ETag of what the client has; 304 while it is the same"),
});

const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable().describe("null on the last page") });

export const taskPage = pageOf(domain.task);
export const runPage = pageOf(domain.run);
export const gatePage = pageOf(domain.gate);
export const artifactPage = pageOf(domain.artifact);
export const reportPage = pageOf(domain.report);
export const eventPage = pageOf(domain.event);
export const statusPage = pageOf(domain.derivedStatus);

const count = z.int().nonnegative();
export const statistics = z.strictObject({
  total_tasks: count,
  total_runs: count,
  total_gates: count,
  total_artifacts: count,
  total_reports: count,
  total_events: count,
});
export const alive = z.strictObject({ status: z.literal("ok") });
export const readiness = z.strictObject({
  status: z.literal("ready"),
  writable: z.literal(true),
  backend: z.string(),
  schema: z.string(),
});

/** Their names in the OpenAPI document. */
for (const [id, type] of Object.entries({
  Task: domain.task,
  NewTask: domain.newTask,
  TaskChange: domain.taskChange,
  Run: domain.run,
  NewRun: domain.newRun,
  RunChange: domain.runChange,
  Gate: domain.gate,
  NewGate: domain.newGate,
  GateChange: domain.gateChange,
  Artifact: domain.artifact,
  NewArtifact: domain.newArtifact,
  Report: domain.report,
  NewReport: domain.newReport,
  NewNote: domain.newNote,
  Event: domain.event,
  DerivedStatus: domain.derivedStatus,
  Problem: problem,
  Statistics: statistics,
})) {
  z.globalRegistry.add(type, { id });
}
