import type { Dataset, TableName } from "./dataset";

/** Columns of each table in the order in which the loaders put them in; those of JSON are given as texts. */
export const columns = {
  tasks: [
    "id",
    "title",
    "description",
    "status",
    "priority",
    "policy_version",
    "created_at",
    "updated_at",
    "completed_at",
  ],
  runs: ["id", "task_id", "status", "tool_calls", "metrics", "created_at", "updated_at", "completed_at"],
  gates: ["id", "run_id", "name", "type", "status", "checks", "created_at", "updated_at"],
  artifacts: ["id", "task_id", "run_id", "path", "sha256", "size_bytes", "created_at"],
  events: ["seq", "at", "kind", "entity_id", "task_id", "payload"],
} as const satisfies Record<TableName, readonly string[]>;

const makers = {
  tasks: (data: Dataset, index: number) => data.task(index),
  runs: (data: Dataset, index: number) => data.run(index),
  gates: (data: Dataset, index: number) => data.gate(index),
  artifacts: (data: Dataset, index: number) => data.artifact(index),
  events: (data: Dataset, index: number) => data.event(index),
} as const satisfies Record<TableName, unknown>;

export type Value = string | number | null;

/** The row at an index, in the order of `columns`; `seqBefore` is the last position that the log has given away. */
export function row(data: Dataset, table: TableName, index: number, seqBefore = 0): Value[] {
  const made = makers[table](data, index) as Readonly<Record<string, unknown>>;
  const values = columns[table].map((column): Value => {
    const value = made[column];
    return typeof value === "object" && value !== null ? JSON.stringify(value) : (value as Value);
  });
  if (table === "events") values[0] = index + 1 + seqBefore;
  return values;
}
