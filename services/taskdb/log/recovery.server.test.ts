import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { examine } from "../doctor/doctor";
import { exportDigest, inSnapshot } from "./export";
import { rebuild } from "./rebuild";
import { sealEvents } from "./seal";
import { context, Ground, populate } from "./testing";

const program = join(__dirname, "..", "main.ts");

describe("recovery after a crash (T-70, T-71)", function () {
  this.timeout(120_000);
  let ground: Ground;
  before(async function () {
    ground = await Ground.start(this);
  });
  after(() => ground?.remove());

  const taskdb = (...args: string[]) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
      const env = { PATH: process.env.PATH };
      execFile(process.execPath, ["--import", "tsx", program, ...args], { env }, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
      );
    });

  it("loses no acknowledged write when the server is killed in mid-write, and the log alone gives the same state", async () => {
    const { address, database, store } = await ground.fresh("postgres");
    const { tasks } = await populate(store);
    await sealEvents(database);
    const initial = (await exportDigest(database.db)).hash;

    const acknowledged: { seq: number; kind: "run" | "task"; id: string }[] = [];
    let stop = false;
    let failures = 0;
    const writers = Array.from({ length: 8 }, async (_, n) => {
      for (let i = 0; !stop; i++) {
        try {
          const task = tasks[(n + i) % tasks.length] ?? "";
          const run = await store.createRun(task, { status: "running", tool_calls: [], metrics: { n, i } }, context);
          acknowledged.push({ seq: run.seq, kind: "run", id: run.entity.id });
          const changed = await store.updateTask(task, { summary: `${n}:${i}` }, context);
          acknowledged.push({ seq: changed.seq, kind: "task", id: task });
        } catch {
          failures++;
          stop = true;
        }
      }
    });
    while (acknowledged.length < 200) await new Promise((resolve) => setImmediate(resolve));
    await ground.instance.down();
    await Promise.all(writers);
    assert(failures > 0, "no writer noticed that the server was gone");
    await ground.instance.up();

    const crashed = await inSnapshot(database, (db) => exportDigest(db));
    assert.notEqual(crashed.hash, initial);
    const seqs = new Set(
      (await database.db.selectFrom("events_all").select("seq").execute()).map((event) => event.seq),
    );
    assert.deepEqual(
      acknowledged.filter(({ seq }) => !seqs.has(seq)),
      [],
      "acknowledged writes that are gone",
    );
    for (const { kind, id } of acknowledged) if (kind === "run") await store.getRun(id);

    const to = await ground.address("postgres");
    const run = await taskdb("rebuild", "--from", address, "--to", to, "--json");
    assert.equal(run.code, 0, run.stderr);
    const target = await ground.open(to);
    assert.equal((await exportDigest(target.db)).hash, crashed.hash);
    for (const each of [database, target]) {
      const { summary, checks } = await examine(each, { full: true });
      assert.equal(summary.system_health, "excellent", JSON.stringify(checks));
    }
    const intoSqlite = await ground.open(await ground.address("sqlite"));
    assert.equal((await rebuild(database, intoSqlite)).target.hash, crashed.hash);
    assert.equal((await examine(intoSqlite)).summary.system_health, "excellent");
  });

  it("is refused to the same database and to one that is not there, and says 1 when the states differ", async () => {
    const { address, database, store } = await ground.fresh("sqlite");
    await populate(store, 1);
    assert.match((await taskdb("rebuild", "--from", address, "--to", address)).stderr, /the same database/);
    const gone = await taskdb("rebuild", "--from", `${address}.gone`, "--to", address);
    assert.equal(gone.code, 1);
    assert.match(gone.stderr, /--from .*\.gone is not there/);
    await database.db.updateTable("tasks").set({ title: "changed behind the log" }).execute();
    const differing = await taskdb("rebuild", "--from", address, "--to", await ground.address("sqlite"));
    assert.equal(differing.code, 1, differing.stderr);
    assert.match(differing.stdout, /^source [0-9a-f]{64}\ntarget [0-9a-f]{64}\nThey differ in tasks\n$/);
  });
});
