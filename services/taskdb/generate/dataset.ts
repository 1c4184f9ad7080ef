import { type Artifact, type Event, type Gate, gateTypes, priorities, type Run, type Task } from "../domain";
import { Draw } from "./draw";

export interface Scale {
  /**
   * Tasks.
   * @default 100000
   */
  readonly tasks?: number;
  /**
   * Runs, as many a task on average; each is on a random task.
   * @default 10
   */
  readonly runsPerTask?: number;
  /**
   * Gates, as many a run on average; each is on a random run.
   * @default 3
   */
  readonly gatesPerRun?: number;
  /**
   * Artifacts, as many a task on average.
   * @default 5
   */
  readonly artifactsPerTask?: number;
  /**
   * Events in all: one of each row that is made, the rest notes.
   * @default 100 a task
   */
  readonly events?: number;
  /**
   * A whole number, 0 to 4294967295: the same seed gives the same rows.
   * @default 1
   */
  readonly seed?: number;
  /**
   * When the first event is, in whole seconds; the last is less than 28 days later.
   * @default 2026-01-01T00:00:00Z
   */
  readonly from?: Date;
}

/** For tests: all the kinds, in a second. */
export const SMALL: Scale = { tasks: 100 };

export interface Sizes {
  readonly tasks: number;
  readonly runs: number;
  readonly gates: number;
  readonly artifacts: number;
  readonly events: number;
}
export type TableName = keyof Sizes;
/** In the order in which rows can be put in, and in which their events are. */
export const generatedTables = ["tasks", "runs", "gates", "artifacts", "events"] as const satisfies TableName[];

const SPAN_US = 28 * 86_400e6;
const RUN_STATUSES = [
  ["completed", 90],
  ["cancelled", 4],
  ["running", 3],
  ["failed", 3],
] as const;
const GATE_STATUSES = [
  ["pass", 94],
  ["skipped", 3],
  ["pending", 2],
  ["fail", 1],
] as const;
const TOOLS = ["search", "read", "edit", "test", "review"] as const;
const DESCRIPTION = "A task of the load generator: it stands for work of no kind in particular.";
const STREAMS = { tasks: 1, runs: 2, gates: 3, artifacts: 4, notes: 5 } as const;

/** Every row is a function of the seed and its index: nothing is kept, whatever the size. */
export class Dataset {
  readonly sizes: Sizes;
  private readonly draws: Record<keyof typeof STREAMS, Draw>;
  private readonly first: Record<"runs" | "gates" | "artifacts" | "notes", number>;
  private readonly fromMs: number;
  private readonly stepUs: number;
  /** Of the time before, which is nearly always in the same second as the next. */
  private second = { number: -1, text: "" };

  constructor(scale: Scale = {}) {
    const seed = scale.seed ?? 1;
    if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff)
      throw new Error(`--seed ${seed}: must be a whole number from 0 to 4294967295`);
    const tasks = count("--tasks", scale.tasks ?? 100_000, 1);
    const runs = tasks * count("--runs-per-task", scale.runsPerTask ?? 10, 0);
    const gates = runs * count("--gates-per-run", scale.gatesPerRun ?? 3, 0);
    const artifacts = tasks * count("--artifacts", scale.artifactsPerTask ?? 5, 0);
    const rows = tasks + runs + gates + artifacts;
    const events = count("--events", scale.events ?? Math.max(100 * tasks, rows), rows);
    this.sizes = { tasks, runs, gates, artifacts, events };
    this.first = { runs: tasks, gates: tasks + runs, artifacts: tasks + runs + gates, notes: rows };
    const from = scale.from ?? new Date("2026-01-01T00:00:00Z");
    if (Number.isNaN(from.getTime())) throw new Error("--from: must be a date, as in 2026-01-01T00:00:00Z");
    this.fromMs = Math.floor(from.getTime() / 1000) * 1000;
    this.stepUs = Math.max(1, Math.floor(SPAN_US / events));
    this.draws = Object.fromEntries(
      Object.entries(STREAMS).map(([name, stream]) => [name, new Draw(seed, stream)]),
    ) as typeof this.draws;
  }

  /** Of the event at this index; texts as the database gives them. */
  private at(index: number): string {
    const us = index * this.stepUs;
    const number = Math.floor(us / 1e6);
    if (this.second.number !== number) {
      this.second = { number, text: new Date(this.fromMs + number * 1000).toISOString().slice(0, 20) };
    }
    return `${this.second.text}${String(us - number * 1e6).padStart(6, "0")}Z`;
  }

  /** The months in which there are events, as their first days. */
  months(): string[] {
    const months = new Set([this.at(0), this.at(this.sizes.events - 1)].map((at) => `${at.slice(0, 7)}-01`));
    return [...months];
  }

  task(index: number): Task {
    const at = this.at(index);
    return {
      id: this.draws.tasks.uuid(index),
      title: `Synthetic Task ${index}`,
      description: DESCRIPTION,
      status: "pending",
      priority: priorities[index % priorities.length] ?? "medium",
      policy_version: "1.1.0",
      feature: null,
      owner: null,
      created_at: at,
      updated_at: at,
      completed_at: null,
      summary: null,
      dependencies: null,
      metadata: null,
    };
  }

  run(index: number): Run {
    const draw = this.draws.runs;
    const at = this.at(this.first.runs + index);
    const status = draw.oneOf(RUN_STATUSES, index, 11);
    const calls = draw.below(3, index, 12) + 1;
    return {
      id: draw.uuid(index),
      task_id: this.draws.tasks.uuid(this.taskOfRun(index)),
      status,
      tool_calls: Array.from({ length: calls }, (_, call) => ({
        tool: TOOLS[draw.below(TOOLS.length, index, 20 + call)],
        duration_ms: draw.below(5000, index, 30 + call),
      })),
      metrics: { tokens: draw.below(20_000, index, 13), duration_ms: draw.below(600_000, index, 14) },
      created_at: at,
      updated_at: at,
      completed_at: status === "completed" ? at : null,
    };
  }

  gate(index: number): Gate {
    const draw = this.draws.gates;
    const at = this.at(this.first.gates + index);
    const checks = draw.below(3, index, 12);
    return {
      id: draw.uuid(index),
      run_id: this.draws.runs.uuid(draw.below(this.sizes.runs, index, 10)),
      name: `Synthetic Gate ${index}`,
      type: gateTypes[index % gateTypes.length] ?? "lint",
      status: draw.oneOf(GATE_STATUSES, index, 11),
      checks: Array.from({ length: checks }, (_, check) => ({
        name: `check-${draw.below(100, index, 20 + check)}`,
        score: draw.below(101, index, 30 + check),
      })),
      created_at: at,
      updated_at: at,
    };
  }

  /** Of a run, if there is any, and of that run's task. */
  artifact(index: number): Artifact {
    const draw = this.draws.artifacts;
    const { runs, tasks } = this.sizes;
    const run = runs > 0 ? draw.below(runs, index, 10) : undefined;
    const task = run === undefined ? draw.below(tasks, index, 10) : this.taskOfRun(run);
    return {
      id: draw.uuid(index),
      task_id: this.draws.tasks.uuid(task),
      run_id: run === undefined ? null : this.draws.runs.uuid(run),
      path: `synthetic/${index}.bin`,
      sha256: draw.digest(index, 20),
      size_bytes: draw.below(10_000_000, index, 11),
      created_at: this.at(this.first.artifacts + index),
    };
  }

  /** First of every row, in the order of the tables, then notes on random tasks. */
  event(index: number): Event {
    const { first, draws, sizes } = this;
    if (index < first.runs) {
      const task = this.task(index);
      return this.logged(index, "task.created", task.id, task.id, task);
    }
    if (index < first.gates) {
      const run = this.run(index - first.runs);
      return this.logged(index, "run.created", run.id, run.task_id, run);
    }
    if (index < first.artifacts) {
      const gate = this.gate(index - first.gates);
      const task = this.taskOfRun(draws.gates.below(sizes.runs, index - first.gates, 10));
      return this.logged(index, "gate.created", gate.id, draws.tasks.uuid(task), gate);
    }
    if (index < first.notes) {
      const artifact = this.artifact(index - first.artifacts);
      return this.logged(index, "artifact.created", artifact.id, artifact.task_id, artifact);
    }
    const note = index - first.notes;
    const task = draws.tasks.uuid(draws.notes.below(sizes.tasks, note, 10));
    const id = draws.notes.uuid(note);
    return this.logged(index, "note.added", id, task, { id, task_id: task, text: `Synthetic Note ${note}` });
  }

  private logged(index: number, kind: string, entity: string, task: string, payload: Event["payload"]): Event {
    return { seq: index + 1, at: this.at(index), kind, entity_id: entity, task_id: task, payload, request_id: null };
  }

  private taskOfRun(run: number): number {
    return this.draws.runs.below(this.sizes.tasks, run, 10);
  }
}

function count(option: string, value: number, least: number): number {
  if (!Number.isInteger(value) || value < least || value > 0xffff_ffff)
    throw new Error(
      `${option} ${value}: must be a whole number of ${least} or more${option === "--events" ? ", one for each row" : ""}`,
    );
  return value;
}
