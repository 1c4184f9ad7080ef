import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newTask } from "../../domain";
import { openDatabase, type SqliteDatabase } from "../database";
import { migrate } from "../migrate";
import { createStore } from "../open";
import { Unavailable } from "../store";

const context = { requestId: "test" };
const aTask = newTask.parse({ title: "t", policy_version: "1" });

describe("a file of SQLite", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "taskdb-sqlite-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const open = (path: string, busyTimeoutMs?: number) =>
    openDatabase({ backend: "sqlite", path, busyTimeoutMs }) as Promise<SqliteDatabase>;
  const filled = async (): Promise<string> => {
    const path = join(folder, "tasks.sqlite");
    const database = await open(path);
    await migrate(database, "up");
    const store = createStore(database);
    for (let n = 0; n < 200; n++) await store.createTask({ ...aTask, description: "x".repeat(500) }, context);
    await store.close();
    return path;
  };

  it("that is none is refused by name, and left as it is", async () => {
    const path = join(folder, "notes.txt");
    await writeFile(path, "not a database at all");
    await assert.rejects(
      open(path),
      (error: Error) => error.message.includes(path) && /no SQLite database; put a backup/.test(error.message),
    );
    assert.equal(await readFile(path, "utf8"), "not a database at all");
    assert.deepEqual(await readdir(folder), ["notes.txt"]);
  });

  for (const [how, damage] of [
    ["whose pages were overwritten", (bytes: Buffer) => bytes.fill(0xa5, 8192, bytes.length - 4096)],
    ["that was cut off", (bytes: Buffer) => bytes.subarray(0, Math.trunc(bytes.length / 2))],
  ] as const) {
    it(`${how} is refused by name, and left as it is`, async () => {
      const path = await filled();
      const bytes = damage(await readFile(path));
      await writeFile(path, bytes);
      await assert.rejects(
        open(path),
        (error: Error) => error.message.includes(path) && /corrupt .*put a backup/s.test(error.message),
      );
      assert.ok(bytes.equals(await readFile(path)));
    });
  }

  it("in a folder that is not there is refused with the folder's name", async () => {
    await assert.rejects(open(join(folder, "no", "x.sqlite")), /the folder .*no is not there/);
  });

  it("can be read while another process writes, which answers that it must wait", async () => {
    const path = await filled();
    const [one, other] = [await open(path), await open(path, 20)];
    const store = createStore(other);
    one.file.exec("BEGIN IMMEDIATE");
    assert.equal((await store.statistics()).total_tasks, 200);
    await assert.rejects(
      store.createTask(aTask, context),
      (error) => error instanceof Unavailable && !error.indeterminate,
    );
    one.file.exec("COMMIT");
    await store.createTask(aTask, context);
    await one.close();
    await store.close();
  });

  it("keeps its event log from being changed, and archives only what is sealed", async () => {
    const path = await filled();
    const database = await open(path);
    const { file } = database;
    for (const statement of [
      "UPDATE events SET kind = 'x'",
      "DELETE FROM events",
      "REPLACE INTO events SELECT * FROM events",
    ]) {
      assert.throws(() => file.exec(statement), /append-only/, statement);
    }
    const store = createStore(database);
    const future = "2999-01-01T00:00:00.000000Z";
    assert.equal(await store.archive(future), 0);
    assert.equal((await store.maintain()).eventsSealed, 200);
    assert.equal(await store.archive(future), 200);
    assert.equal((await store.statistics()).total_events, 200);
    assert.throws(() => file.exec("DELETE FROM events_archive"), /append-only/);
    const { seq } = await store.createTask(aTask, context);
    assert.equal(seq, 201);
    assert.throws(() => file.exec("DELETE FROM events"), /append-only/);
    await store.close();
  });

  it("grows its versions and snapshots when the clock goes backwards", async () => {
    const database = await open(":memory:");
    await migrate(database, "up");
    let now = "2030-01-01T00:00:00.000001Z";
    const store = createStore(database, { clock: () => now });
    const { id } = (await store.createTask(aTask, context)).entity;
    const report = { title: "r", claims: [`task_id:${id}`] };
    const first = (await store.publishReport(report, context)).entity;
    now = "2020-01-01T00:00:00.000000Z";
    const changed = (await store.updateTask(id, { title: "u" }, context)).entity;
    assert.equal(changed.updated_at, "2030-01-01T00:00:00.000002Z");
    const second = (await store.publishReport(report, context)).entity;
    assert.ok(second.verification_snapshot_ts > first.verification_snapshot_ts);
    assert.equal((await store.lastEvent(id, second.verification_snapshot_ts))?.payload.title, "u");
    assert.equal((await store.lastEvent(id, first.verification_snapshot_ts))?.payload.title, "t");
    await store.close();
  });

  it("migrates up, down and up again, and counts what was there", async () => {
    const path = await filled();
    const database = await open(path);
    for (let step = 0; step < 2; step++) await migrate(database, "down");
    assert.deepEqual(
      (await migrate(database, "status")).map(({ appliedAt }) => appliedAt !== null),
      [true, false, false],
    );
    await migrate(database, "up");
    const store = createStore(database);
    assert.equal((await store.listDerivedStatuses({ limit: 500 })).items.length, 200);
    await migrate(database, "empty");
    const left = database.file
      .prepare("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' AND name NOT LIKE 'kysely_%'")
      .all([]);
    assert.deepEqual(left, []);
    await store.close();
  });

  it("is not opened for a process that only needs PostgreSQL", () => {
    const code = `import("./services/taskdb/store/open.ts").then(() => { if (Object.keys(require.cache).some((f) => /node_modules.libsql/.test(f))) process.exit(3) })`;
    execFileSync(process.execPath, ["--import", "tsx", "-e", code], { cwd: join(__dirname, "../../../..") });
  });
});
