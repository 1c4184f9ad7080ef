import assert from "node:assert/strict";
import { sql } from "kysely";
import { exportDigest } from "../log/export";
import type { Database } from "../store/database";
import { openDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { Dataset } from "./dataset";
import { type GenerateOptions, TaskDBLoadGenerator } from "./generator";

const tiny = { tasks: 40, runsPerTask: 3, gatesPerRun: 2, artifactsPerTask: 1, events: 1000 };
const sizes = { tasks: 40, runs: 120, gates: 240, artifacts: 40, events: 1000 };

describe("load generator", () => {
  let opened: Database[];
  beforeEach(() => (opened = []));
  afterEach(() => Promise.all(opened.map((database) => database.close())));

  async function empty(): Promise<Database> {
    const database = await openDatabase({ backend: "sqlite", path: ":memory:" });
    opened.push(database);
    await migrate(database, "up");
    return database;
  }
  async function generated(options: GenerateOptions): Promise<Database> {
    const database = await empty();
    await new TaskDBLoadGenerator(database).generateSyntheticDataset(options);
    return database;
  }

  it("tells start, end and sizes, and makes as many rows", async () => {
    const said: string[] = [];
    const database = await empty();
    const generator = new TaskDBLoadGenerator(database, { say: (text) => void said.push(text) });
    assert.deepEqual(await generator.generateSyntheticDataset(tiny), sizes);
    assert.match(said[0] ?? "", /^generating 40 tasks, 120 runs, 240 gates, 40 artifacts, 1000 events into sqlite/);
    assert.match(said.at(-1) ?? "", /^generated 40 tasks, .* in \d/);
    const { tables } = await exportDigest(database.db);
    const found = Object.entries(tables).map(([table, { rows }]) => [table, rows]);
    assert.deepEqual(Object.fromEntries(found), { ...sizes, reports: 0 });
  });

  it("makes the same rows for the same seed, and others for another", async () => {
    const [one, same, other] = await Promise.all(
      [{ seed: 7 }, { seed: 7 }, { seed: 8 }].map((seed) => generated({ ...tiny, ...seed })),
    );
    const hash = async (database: Database | undefined) => database && (await exportDigest(database.db)).hash;
    assert.equal(await hash(one), await hash(same));
    assert.notEqual(await hash(one), await hash(other));
  });

  it("keeps the derived status as the oracle has it, in all its values", async () => {
    const { db } = await generated({ tasks: 100, runsPerTask: 4, gatesPerRun: 5, artifactsPerTask: 0 });
    const { rows } = await sql<{ kept: string; right: string; health: number; rightHealth: number }>`
      SELECT s.status_derived AS kept, o.status_derived AS "right", s.health_score AS health, o.health_score AS "rightHealth"
      FROM task_status_derived_mv s JOIN task_status_derived_oracle o ON o.task_id = s.task_id`.execute(db);
    assert.equal(rows.length, 100);
    for (const { kept, right, health, rightHealth } of rows) assert.deepEqual([kept, health], [right, rightHealth]);
    assert.deepEqual([...new Set(rows.map(({ kept }) => kept))].sort(), [
      "blocked",
      "completed",
      "failed",
      "in_progress",
      "pending",
    ]);
  });

  it("leaves one event of each row, whose payload is the row, parents before children", () => {
    const data = new Dataset(tiny);
    const events = Array.from({ length: sizes.events }, (_, index) => data.event(index));
    const seen = new Set<unknown>();
    for (const { kind, entity_id, task_id, payload } of events) {
      assert.equal(payload.id, entity_id);
      if (kind !== "task.created") assert.ok(seen.has(task_id), `${kind} of a task that is not there`);
      if (kind === "gate.created") assert.ok(seen.has(payload.run_id), "a gate before its run");
      assert.ok(!seen.has(entity_id), "two rows with one id");
      seen.add(entity_id);
    }
    assert.deepEqual(data.run(5), events[sizes.tasks + 5]?.payload);
    assert.equal(events.filter(({ kind }) => kind === "note.added").length, 1000 - 440);
  });

  it("names, rotates and versions tasks and gates as the requirements say", () => {
    const data = new Dataset(tiny);
    const tasks = [0, 1, 2, 3, 4].map((index) => data.task(index));
    assert.deepEqual(
      tasks.map(({ priority }) => priority),
      ["critical", "high", "medium", "low", "critical"],
    );
    assert.deepEqual([tasks[3]?.title, tasks[3]?.policy_version], ["Synthetic Task 3", "1.1.0"]);
    const gates = [0, 1, 2, 3, 4, 5].map((index) => data.gate(index));
    assert.deepEqual(
      gates.map(({ type }) => type),
      ["lint", "policy", "security", "quality", "truth", "lint"],
    );
    assert.equal(gates[4]?.name, "Synthetic Gate 4");
  });

  it("refuses a database that is not empty, and says what can be done", async () => {
    const database = await generated(tiny);
    const before = await exportDigest(database.db);
    const again = new TaskDBLoadGenerator(database).generateSyntheticDataset({ ...tiny, seed: 2 });
    await assert.rejects(again, /is not empty and was left as it is; --append .* --replace/);
    assert.deepEqual(await exportDigest(database.db), before);
  });

  it("appends another seed's rows; the same seed's are refused as a whole", async () => {
    const database = await generated(tiny);
    const generator = new TaskDBLoadGenerator(database);
    await generator.generateSyntheticDataset({ ...tiny, seed: 2, present: "append" });
    const { tables } = await exportDigest(database.db);
    assert.deepEqual([tables.tasks?.rows, tables.events?.rows], [80, 2000]);
    await assert.rejects(generator.generateSyntheticDataset({ ...tiny, present: "append" }), /Take another --seed/);
    assert.deepEqual((await exportDigest(database.db)).tables, tables);
  });

  it("replaces what a load has made, and nothing else", async () => {
    const database = await generated({ ...tiny, seed: 2 });
    const generator = new TaskDBLoadGenerator(database);
    await generator.generateSyntheticDataset({ ...tiny, present: "replace" });
    const [again, fresh] = [await exportDigest(database.db), await exportDigest((await generated(tiny)).db)];
    assert.equal(again.hash, fresh.hash);
    await sql`INSERT INTO tasks (id, title, policy_version) VALUES ('00000000-0000-4000-8000-000000000000', 'Ours', '1')`.execute(
      database.db,
    );
    await assert.rejects(
      generator.generateSyntheticDataset({ ...tiny, present: "replace" }),
      /holds 1 tasks and 0 reports that no load has made; nothing was changed/,
    );
    assert.equal((await exportDigest(database.db)).tables.tasks?.rows, 41);
  });

  it("names the option that cannot be", () => {
    assert.throws(() => new Dataset({ ...tiny, events: 439 }), /--events 439: .* 440 or more, one for each row/);
    assert.throws(() => new Dataset({ tasks: 0 }), /--tasks 0: must be a whole number of 1 or more/);
    assert.throws(() => new Dataset({ seed: -1 }), /--seed -1/);
  });
});
