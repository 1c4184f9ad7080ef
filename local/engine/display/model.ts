import type { EngineEvent, StepInfo, StepOp } from "../events";
import type { PropertyMap } from "../values";
import { isIdle } from "./operations";

export type PolicyEvent = Extract<EngineEvent, { kind: "policy" }>;
export type DiagnosticEvent = Extract<EngineEvent, { kind: "diagnostic" }>;
export type SummaryEvent = Extract<EngineEvent, { kind: "summary" }>;
export type PreludeEvent = Extract<EngineEvent, { kind: "prelude" }>;

/** One resource, as far as a run has come with it. */
export interface Row {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  parent: string | undefined;
  op: StepOp;
  phase: "running" | "done" | "failed";
  startedAt: number;
  endedAt: number;
  /** Last word from its provider. */
  status: string;
  failure: string;
  /** Top-level properties that differ, each with its sign. */
  changes: string;
  errors: number;
  warnings: number;
}

/** What a run has told so far. */
export class Model {
  prelude: PreludeEvent | undefined;
  summary: SummaryEvent | undefined;
  outputs: PropertyMap | undefined;
  readonly rows = new Map<string, Row>();
  readonly diagnostics: DiagnosticEvent[] = [];
  readonly policies: PolicyEvent[] = [];
  /** Time of the last event that has one, in milliseconds since the run began. */
  now = 0;
  /** How many rows have ended, of those that change something. */
  changed = 0;

  get dryRun(): boolean {
    return this.prelude?.dryRun === true;
  }

  add(event: EngineEvent): void {
    if ("at" in event) this.now = Math.max(this.now, event.at);
    switch (event.kind) {
      case "prelude":
        this.prelude = event;
        break;
      case "step-start":
        this.begin(event.step, event.at);
        break;
      case "step-status": {
        const row = this.rows.get(event.urn);
        if (row) row.status = event.message.split("\n")[0] ?? "";
        break;
      }
      case "step-end":
        this.end(event.step, event.at, event.failed);
        break;
      case "diagnostic": {
        if (event.severity === "debug") break;
        this.diagnostics.push(event);
        const row = event.urn === undefined ? undefined : this.rows.get(event.urn);
        if (row && event.severity === "error") row.errors += 1;
        if (row && event.severity === "warning") row.warnings += 1;
        break;
      }
      case "policy": {
        this.policies.push(event);
        const row = event.urn === undefined ? undefined : this.rows.get(event.urn);
        if (row && event.level === "mandatory") row.errors += 1;
        break;
      }
      case "outputs":
        this.outputs = event.outputs;
        break;
      case "summary":
        this.summary = event;
        this.now = Math.max(this.now, event.durationMs);
        break;
    }
  }

  private begin(step: StepInfo, at: number): void {
    const row = this.rowOf(step, at);
    row.op = merged(row, step.op);
    row.phase = "running";
    row.status = "";
  }

  private end(step: StepInfo, at: number, failed: string | undefined): void {
    const row = this.rowOf(step, at);
    row.op = merged(row, step.op);
    row.phase = failed === undefined ? "done" : "failed";
    row.failure = failed ?? "";
    row.endedAt = at;
    row.status = "";
    row.changes = topLevelChanges(step) || row.changes;
    if (!isIdle(step.op)) this.changed += 1;
  }

  private rowOf(step: StepInfo, at: number): Row {
    const parent = step.new?.parent ?? step.old?.parent;
    const known = this.rows.get(step.urn);
    if (known) {
      known.parent ??= parent;
      return known;
    }
    const row: Row = {
      urn: step.urn,
      type: step.type,
      name: nameIn(step.urn),
      parent,
      op: step.op,
      phase: "running",
      startedAt: at,
      endedAt: at,
      status: "",
      failure: "",
      changes: "",
      errors: this.diagnostics.filter((each) => each.urn === step.urn && each.severity === "error").length,
      warnings: 0,
    };
    this.rows.set(step.urn, row);
    return row;
  }
}

/** The name, or the text itself where it is no URN. */
export function nameIn(urn: string): string {
  const parts = urn.split("::");
  return parts.length > 3 ? parts.slice(3).join("::") : urn;
}

/** The type, or nothing where the text is no URN. */
export function typeIn(urn: string): string {
  const qualified = urn.split("::")[2] ?? "";
  return qualified.slice(qualified.lastIndexOf("$") + 1);
}

/** The parts of a replacement are one row. */
function merged(row: Row, op: StepOp): StepOp {
  const parts: StepOp[] = ["create-replacement", "delete-replaced", "replace"];
  return parts.includes(op) && parts.includes(row.op) && row.op !== op ? "replace" : op;
}

function topLevelChanges(step: StepInfo): string {
  const kinds = new Map<string, string>();
  for (const [path, kind] of Object.entries(step.detailedDiff ?? {})) {
    const top = /^[^.[]+/.exec(path)?.[0] ?? path;
    if (top.startsWith("__")) continue;
    const sign = path === top && kind.startsWith("add") ? "+" : path === top && kind.startsWith("delete") ? "-" : "~";
    kinds.set(top, kinds.has(top) && kinds.get(top) !== sign ? "~" : sign);
  }
  return [...kinds].map(([name, sign]) => `${sign}${name}`).join(",");
}
