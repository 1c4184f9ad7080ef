import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../../../cli/testing/skip";
import { Instance, missing } from "../../../local/engine/providers/postgresql/testing/instance";
import type { NewArtifact, NewGate, NewRun, NewTask } from "../domain";
import { type Database, openDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { createStore } from "../store/open";
import type { TaskStore } from "../store/store";
import { sealEvents } from "./seal";

/** Databases of one test file, on a real PostgreSQL and in files of SQLite; `remove` takes all of it away. */
export class Ground {
  private readonly databases: Database[] = [];
  private made = 0;
  private constructor(
    readonly instance: Instance,
    readonly folder: string,
  ) {}

  /** In a `before` hook; skips the suite where there can be no PostgreSQL. */
  static async start(context: Mocha.Context): Promise<Ground> {
    context.timeout(120_000);
    const reason = missing();
    if (reason !== undefined) skip(context, reason);
    return new Ground(await Instance.start(), await mkdtemp(join(tmpdir(), "taskdb-log-")));
  }

  /** Where a new database is; it has no tables yet. */
  async address(backend: Database["backend"]): Promise<string> {
    const name = `t${++this.made}`;
    if (backend === "sqlite") return join(this.folder, `${name}.sqlite`);
    await this.instance.query(`CREATE DATABASE ${name}`);
    const { password, port } = this.instance;
    return `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${name}`;
  }

  async open(address: string): Promise<Database> {
    const database = await openDatabase(
      address.startsWith("postgresql:")
        ? { backend: "postgres", url: address, poolSize: 10 }
        : { backend: "sqlite", path: address },
    );
    this.databases.push(database);
    return database;
  }

  /** A migrated database with its store. */
  async fresh(backend: Database["backend"]): Promise<{ address: string; database: Database; store: TaskStore }> {
    const address = await this.address(backend);
    const database = await this.open(address);
    await migrate(database, "up");
    return { address, database, store: createStore(database, { seal: sealEvents }) };
  }

  async remove(): Promise<void> {
    for (const database of this.databases) await database.close();
    await this.instance.remove();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const backends = ["postgres", "sqlite"] as const;

/** Of writes in tests. */
export const context = { requestId: "test" };

/** Tasks with runs, gates, artifacts, notes, changes, a deleted run and a report: something of everything. Answers with ids. */
export async function populate(store: TaskStore, tasks = 3) {
  const ids = { tasks: [] as string[], runs: [] as string[], deleted: "", report: "" };
  for (let i = 0; i < tasks; i++) {
    const task = await store.createTask({ ...newTask, title: `Task ${i} — é\u{1F600}` }, context);
    const taskId = task.entity.id;
    ids.tasks.push(taskId);
    const run = await store.createRun(
      taskId,
      { ...newRun, metrics: { ms: 1.5, big: 1e21, nested: { a: [1] } } },
      context,
    );
    ids.runs.push(run.entity.id);
    await store.createGate(run.entity.id, { ...newGate, name: "lint" }, context);
    await store.createGate(run.entity.id, { ...newGate, name: "truth", type: "truth", status: "fail" }, context);
    await store.updateRun(run.entity.id, { status: "completed" }, context);
    await store.createArtifact(taskId, { ...newArtifact, run_id: run.entity.id }, context);
    await store.addNote(taskId, { text: "seen" }, context);
    await store.updateTask(taskId, { status: "in_progress", metadata: { k: "v" } }, context);
  }
  const [task = ""] = ids.tasks;
  const gone = (await store.createRun(task, newRun, context)).entity.id;
  await store.createGate(gone, { ...newGate, status: "fail" }, context);
  await store.createArtifact(task, { ...newArtifact, run_id: gone, path: "of-gone.txt" }, context);
  await store.deleteRun(gone, context);
  ids.deleted = gone;
  const claims = [`task_id:${task}`, `run_id:${ids.runs[0]}`];
  ids.report = (await store.publishReport({ title: "Report", claims }, context)).entity.id;
  return ids;
}

const newTask: NewTask = {
  title: "Task",
  description: null,
  status: "pending",
  priority: "medium",
  policy_version: "1.1.0",
  feature: null,
  owner: "someone",
  summary: null,
  dependencies: ["x", 2],
  metadata: null,
};
const newRun: NewRun = { status: "running", tool_calls: [{ tool: "ls", args: ["-l"] }], metrics: {} };
const newGate: NewGate = { name: "gate", type: "lint", status: "pass", checks: [] };
const newArtifact: NewArtifact = { run_id: null, path: "out.txt", sha256: "ab".repeat(32), size_bytes: 5 };
