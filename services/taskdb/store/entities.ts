import type { EntityKind } from "../domain";

type Column = "id" | "text" | "time" | "json" | "number";

export interface Entity {
  readonly table: "tasks" | "runs" | "gates" | "artifacts" | "reports";
  /** In the order in which an event's payload and an answer have them. */
  readonly columns: Readonly<Record<string, Column>>;
  /** The entity that a row cannot be without: its column and its kind. */
  readonly parent?: readonly [column: string, kind: EntityKind];
  /** Which time of a row is that of its last change. */
  readonly changed: "updated_at" | "created_at" | "verification_snapshot_ts";
}

export const entities: Readonly<Record<EntityKind, Entity>> = {
  task: {
    table: "tasks",
    columns: {
      id: "id",
      title: "text",
      description: "text",
      status: "text",
      priority: "text",
      policy_version: "text",
      feature: "text",
      owner: "text",
      summary: "text",
      dependencies: "json",
      metadata: "json",
      created_at: "time",
      updated_at: "time",
      completed_at: "time",
    },
    changed: "updated_at",
  },
  run: {
    table: "runs",
    columns: {
      id: "id",
      task_id: "id",
      status: "text",
      tool_calls: "json",
      metrics: "json",
      created_at: "time",
      updated_at: "time",
      completed_at: "time",
    },
    parent: ["task_id", "task"],
    changed: "updated_at",
  },
  gate: {
    table: "gates",
    columns: {
      id: "id",
      run_id: "id",
      name: "text",
      type: "text",
      status: "text",
      checks: "json",
      created_at: "time",
      updated_at: "time",
    },
    parent: ["run_id", "run"],
    changed: "updated_at",
  },
  artifact: {
    table: "artifacts",
    columns: {
      id: "id",
      task_id: "id",
      run_id: "id",
      path: "text",
      sha256: "text",
      size_bytes: "number",
      created_at: "time",
    },
    parent: ["task_id", "task"],
    changed: "created_at",
  },
  report: {
    table: "reports",
    columns: {
      id: "id",
      title: "text",
      verification_snapshot_ts: "time",
      claims_validated: "json",
      created_at: "time",
    },
    changed: "verification_snapshot_ts",
  },
};

export const columnsOf = (kind: EntityKind): string[] => Object.keys(entities[kind].columns);

/** A value as a statement's parameter. */
export const parameter = (kind: EntityKind, column: string, value: unknown): unknown =>
  entities[kind].columns[column] === "json" && value !== null ? JSON.stringify(value) : value;
