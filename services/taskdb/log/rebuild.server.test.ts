import assert from "node:assert/strict";
import { sql } from "kysely";
import { migrate } from "../store/migrate";
import { createStore } from "../store/open";
import type { Database } from "../store/database";
import { exportDigest } from "./export";
import { BrokenLog, rebuild, TargetNotEmpty } from "./rebuild";
import { sealEvents } from "./seal";
import { backends, context, Ground, populate } from "./testing";
import { verifySeals } from "./verify";

describe("rebuild from the event log", function () {
  let ground: Ground;
  before(async function () {
    ground = await Ground.start(this);
  });
  after(() => ground?.remove());

  const empty = async (backend: Database["backend"]) => ground.open(await ground.address(backend));

  for (const from of backends) {
    for (const to of backends) {
      it(`gives the same hash, and a database that goes on from there (${from} to ${to})`, async () => {
        const { database, store } = await ground.fresh(from);
        const { deleted } = await populate(store);
        await sealEvents(database, { batchEvents: 4, batches: 3 });
        const before = await exportDigest(database.db);
        const target = await empty(to);
        const steps = new Set<string>();
        const {
          replayed,
          source,
          target: after,
          differing,
        } = await rebuild(database, target, {
          batchEvents: 5,
          onProgress: (step) => steps.add(step),
        });
        assert.deepEqual(differing, []);
        assert.equal(replayed, before.tables.events?.rows);
        assert.equal(source.hash, before.hash);
        assert.equal(after.hash, before.hash);
        assert.equal((await exportDigest(target.db)).hash, before.hash);
        assert.deepEqual([...steps], ["verify", "replay", "hash source", "hash target"]);

        const rebuilt = createStore(target, { seal: sealEvents });
        await assert.rejects(rebuilt.getRun(deleted), /there is no run/);
        const statuses = async (of: Database) =>
          (
            await sql`SELECT task_id, stored_status, status_derived, health_score FROM task_status_derived_mv ORDER BY task_id`.execute(
              of.db,
            )
          ).rows;
        assert.deepEqual(await statuses(target), await statuses(database));
        const [last] = (await rebuilt.listReports({ limit: 10 })).items;
        const more = await populate(rebuilt, 1);
        const next = await rebuilt.getReport(more.report);
        assert(next.verification_snapshot_ts > (last?.verification_snapshot_ts ?? ""));
        await rebuilt.maintain();
        const { breach, unsealed } = await verifySeals(target.db);
        assert.deepEqual({ breach, unsealed: unsealed.events }, { breach: null, unsealed: 0 });
      });
    }

    it(`goes on where an earlier run was interrupted (${from})`, async () => {
      const { database, store } = await ground.fresh(from);
      await populate(store);
      await sealEvents(database);
      const address = await ground.address(from);
      let interrupted = 0;
      await assert.rejects(
        rebuild(database, await ground.open(address), {
          batchEvents: 4,
          onProgress: (step, done) => {
            interrupted = done;
            if (step === "replay" && done >= 12) throw new Error("killed");
          },
        }),
        /killed/,
      );
      const { replayed, source, differing } = await rebuild(database, await ground.open(address), { batchEvents: 4 });
      assert.deepEqual(differing, []);
      assert.equal(replayed + interrupted, source.tables.events?.rows);
      const again = await rebuild(database, await ground.open(address));
      assert.deepEqual({ replayed: again.replayed, differing: again.differing }, { replayed: 0, differing: [] });
    });

    it(`says which table the log does not carry (${from})`, async () => {
      const { database, store } = await ground.fresh(from);
      await populate(store, 1);
      await sql`UPDATE gates SET name = 'changed behind the log'`.execute(database.db);
      const { source, target, differing } = await rebuild(database, await empty(from));
      assert.deepEqual(differing, ["gates"]);
      assert.notEqual(source.hash, target.hash);
    });
  }

  it("refuses a target that holds something else, names it, and changes nothing", async () => {
    const { database, store } = await ground.fresh("postgres");
    await populate(store, 1);
    const other = await ground.fresh("postgres");
    await populate(other.store, 1);
    const before = await exportDigest(other.database.db);
    await assert.rejects(rebuild(database, other.database), (error: Error) => {
      assert(error instanceof TargetNotEmpty);
      assert.match(error.message, /not empty \(1 of tasks, 1 of runs, .*\), and its event 1 is not the source's; give/);
      return true;
    });
    assert.equal((await exportDigest(other.database.db)).hash, before.hash);

    const unlogged = await ground.fresh("sqlite");
    await sql`INSERT INTO tasks (id, title, policy_version) VALUES ('a1b2c3d4-0000-4000-8000-000000000000', 't', '1')`.execute(
      unlogged.database.db,
    );
    await assert.rejects(rebuild(database, unlogged.database), /1 of tasks\), and none of it came from an event log/);
  });

  it("builds nothing on a log that does not fit its seals, unless told to", async () => {
    const { database, store } = await ground.fresh("postgres");
    await populate(store, 1);
    await sealEvents(database);
    await sql
      .raw("BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM events WHERE kind = 'note.added'; COMMIT")
      .execute(database.db);
    const target = await empty("postgres");
    await assert.rejects(rebuild(database, target), (error: Error) => {
      assert(error instanceof BrokenLog);
      assert.match(error.message, /batch 1: an event is missing between \d+ and \d+; rebuild from a backup/);
      return true;
    });
    const { differing } = await rebuild(database, target, { verify: false });
    assert.deepEqual(differing, []);
  });

  it("takes rows whose positions are the wrong way round, the end of a batch between them", async () => {
    const { database } = await ground.fresh("postgres");
    const [task, run] = ["a1b2c3d4-0000-4000-8000-000000000000", "b1b2c3d4-0000-4000-8000-000000000000"];
    const at = "2026-01-15T09:30:00.000000Z";
    const rows = {
      task: `{"id":"${task}","title":"t","status":"pending","priority":"low","policy_version":"1","created_at":"${at}","updated_at":"${at}"}`,
      run: `{"id":"${run}","task_id":"${task}","status":"running","tool_calls":[],"metrics":{},"created_at":"${at}","updated_at":"${at}"}`,
    };
    await sql`INSERT INTO events (at, kind, entity_id, task_id, payload) VALUES
      (${at}, 'run.created', ${run}, ${task}, ${rows.run}), (${at}, 'task.created', ${task}, ${task}, ${rows.task})`.execute(
      database.db,
    );
    await sql`INSERT INTO tasks SELECT * FROM json_populate_record(NULL::tasks, ${rows.task}::json)`.execute(
      database.db,
    );
    await sql`INSERT INTO runs SELECT * FROM json_populate_record(NULL::runs, ${rows.run}::json)`.execute(database.db);
    for (const to of backends) {
      assert.deepEqual((await rebuild(database, await empty(to), { batchEvents: 1 })).differing, []);
    }
  });

  it("stops at a kind of event that it does not know", async () => {
    const { database } = await ground.fresh("sqlite");
    await sql`INSERT INTO events (at, kind, entity_id, payload) VALUES
      ('2026-01-15T09:30:00.000000Z', 'task.split', 'a1b2c3d4-0000-4000-8000-000000000000', '{}')`.execute(database.db);
    await assert.rejects(
      rebuild(database, await empty("sqlite")),
      /event 1 is a task\.split, which this release does not/,
    );
  });

  it("reads one moment of a database that is being written to", async () => {
    const { database, store } = await ground.fresh("postgres");
    const { tasks } = await populate(store);
    await sealEvents(database);
    let writing = true;
    const writer = (async () => {
      while (writing) await store.addNote(tasks[0] ?? "", { text: "meanwhile" }, context);
    })();
    const target = await empty("postgres");
    const { differing } = await rebuild(database, target, { batchEvents: 3 });
    writing = false;
    await writer;
    assert.deepEqual(differing, []);
    assert.equal(
      (await migrate(target, "status")).every(({ appliedAt }) => appliedAt !== null),
      true,
    );
  });
});
