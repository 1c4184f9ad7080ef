import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { skip } from "../../../cli/testing/skip";
import { Instance, missing } from "../../../local/engine/providers/postgresql/testing/instance";
import { TaskDBLoadGenerator } from "../generate/generator";
import { exportDigest } from "../log/export";
import { lines } from "../progress";
import { type Database, openDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { createStore } from "../store/open";
import { transfer } from "./transfer";

const tiny = { tasks: 60, runsPerTask: 4, gatesPerRun: 6, artifactsPerTask: 2, events: 3000 };
const silent = lines(() => undefined);

describe("transfer (real PostgreSQL)", function () {
  this.timeout(120_000);
  let server: Instance;
  let folder: string;
  let sqlite: Database;
  let postgres: Database;

  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Instance.start({ password: "secret" });
  });
  after(() => (server as Instance | undefined)?.remove());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "taskdb-transfer-"));
    sqlite = await openDatabase({ backend: "sqlite", path: join(folder, "tasks.sqlite") });
    postgres = await openDatabase({
      backend: "postgres",
      url: `postgresql://postgres:secret@127.0.0.1:${server.port}/postgres`,
    });
    for (const database of [sqlite, postgres]) await migrate(database, "up");
    await new TaskDBLoadGenerator(sqlite).generateSyntheticDataset(tiny);
  });
  afterEach(async () => {
    await migrate(postgres, "empty");
    await Promise.all([sqlite.close(), postgres.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  const hash = async ({ db }: Database): Promise<string> => (await exportDigest(db)).hash;

  it("goes from SQLite to PostgreSQL, is written to there, and goes back", async () => {
    const before = await hash(sqlite);
    await transfer(sqlite, postgres, silent);
    assert.equal(await hash(postgres), before);
    assert.equal(await hash(sqlite), before);
    assert.deepEqual(await createStore(postgres).statistics(), await createStore(sqlite).statistics());

    const store = createStore(postgres);
    const idempotency = { key: "k1", requestHash: "a".repeat(64) };
    const input = {
      title: "Later",
      description: null,
      status: "pending",
      priority: "low",
      policy_version: "1",
    } as const;
    const rest = { feature: null, owner: null, summary: null, dependencies: null, metadata: { b: [1, "ü"], a: null } };
    const { entity: task, seq } = await store.createTask({ ...input, ...rest }, { requestId: "r1", idempotency });
    assert.equal(seq, 3001);
    const [run] = (await store.listRuns((await store.listTasks({}, { limit: 1 })).items[0]?.id ?? "", { limit: 1 }))
      .items;
    if (run) await store.deleteRun(run.id, { requestId: "r2" });
    await store.updateTask(task.id, { status: "completed" }, { requestId: "r3" });
    await store.publishReport({ title: "Report", claims: [`task_id:${task.id}`] }, { requestId: "r4" });

    await transfer(postgres, sqlite, silent);
    assert.notEqual(await hash(sqlite), before);
    assert.equal(await hash(sqlite), await hash(postgres));
    const back = await createStore(sqlite).createTask({ ...input, ...rest }, { requestId: "r5", idempotency });
    assert.deepEqual([back.replayed, back.entity.id], [true, task.id]);
  });

  it("goes on after a cut", async () => {
    const cut = { ...silent, start: (what: string) => what === "artifacts" && raise("cut off") } as typeof silent;
    await assert.rejects(transfer(sqlite, postgres, cut), /cut off/);
    const { tables } = await exportDigest(postgres.db);
    assert.deepEqual([tables.gates?.rows, tables.artifacts?.rows], [1440, 0]);
    await transfer(sqlite, postgres, silent);
    assert.equal(await hash(postgres), await hash(sqlite));
  });

  it("refuses a target with a row that is not the source's, and changes nothing", async () => {
    await sql`INSERT INTO tasks (title, policy_version) VALUES ('Ours', '1')`.execute(postgres.db);
    const before = await hash(postgres);
    await assert.rejects(
      transfer(sqlite, postgres, silent),
      /has a row in tasks that the source has not .* Nothing was changed/,
    );
    assert.equal(await hash(postgres), before);
  });
});

function raise(text: string): never {
  throw new Error(text);
}
