import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { skip } from "../../../../cli/testing/skip";
import { newGate, newRun, newTask } from "../../domain";
import { migrate } from "../migrate";
import { createStore } from "../open";
import { Unavailable } from "../store";
import { missing, Server } from "../testing/server";

const context = { requestId: "test" };
const aTask = newTask.parse({ title: "t", policy_version: "1" });
const key = (text: string) => ({
  ...context,
  idempotency: { key: text, requestHash: createHash("sha256").update(text).digest("hex") },
});

describe("a database of PostgreSQL", function () {
  this.timeout(120_000);
  let server: Server;
  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Server.start();
  });
  after(() => server?.remove());

  describe("migrations, as a role that only acts as the database's owner", () => {
    it("go up, down and up again, and count what was there", async () => {
      const name = await server.create();
      const migrator = await server.open(name, "migrator");
      assert.ok((await migrate(migrator, "up")).every(({ appliedAt }) => appliedAt !== null));
      const store = createStore(migrator);
      const { id } = (await store.createTask(aTask, context)).entity;
      const run = (await store.createRun(id, newRun.parse({ status: "completed" }), context)).entity;
      await store.createGate(run.id, newGate.parse({ name: "g", type: "lint", status: "fail" }), context);
      for (let step = 0; step < 2; step++) await migrate(migrator, "down");
      assert.deepEqual(
        (await migrate(migrator, "status")).map(({ appliedAt }) => appliedAt !== null),
        [true, false, false],
      );
      await migrate(migrator, "up");
      assert.equal((await store.derivedStatus(id)).status_derived, "blocked");
      await migrate(migrator, "empty");
      const { rows } = await migrator.pool.query(
        `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'kysely_%'
         UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND proname NOT LIKE 'pg_stat%'`,
      );
      assert.deepEqual(rows, []);
    });
  });

  describe("the event log", () => {
    it("cannot be changed by the application, under any of its names", async () => {
      const database = await server.migrated();
      await createStore(database).createTask(aTask, context);
      const { rows } = await database.pool.query<{ name: string }>(
        "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent IN ('events'::regclass, 'events_archive'::regclass)",
      );
      assert.ok(rows.length >= 4, "this month, two ahead, and the rest");
      const tables = [...rows.map(({ name }) => name), "events", "events_archive", "event_seals", "events_all"];
      // No right to it; or, of a view, no such thing.
      const refused = { code: /42501|55000|42809/ };
      for (const table of tables) {
        const column = table === "event_seals" ? "digest" : "kind";
        for (const statement of [`UPDATE ${table} SET ${column} = 'x'`, `DELETE FROM ${table}`, `TRUNCATE ${table}`]) {
          await assert.rejects(
            database.pool.query(statement),
            (error: { code: string }) => refused.code.test(error.code),
            statement,
          );
        }
      }
      for (const statement of [
        "ALTER TABLE events DISABLE TRIGGER ALL",
        "DROP TABLE events_other",
        "SELECT setval('events_seq', 1)",
        "CREATE TABLE own (a int)",
        "DELETE FROM kysely_migration",
      ]) {
        await assert.rejects(database.pool.query(statement), { code: "42501" }, statement);
      }
    });

    it("cannot be changed by a slip of the owner's either", async () => {
      const database = await server.migrated();
      await createStore(database).createTask(aTask, context);
      const owner = await server.open(database.name, "migrator");
      for (const statement of ["UPDATE events SET kind = 'x'", "DELETE FROM events"]) {
        await assert.rejects(owner.pool.query(statement), /append-only/, statement);
      }
    });

    it("is kept by upkeep that the reader may not start", async () => {
      const database = await server.migrated();
      const reader = await server.open(database.name, "readonly");
      await reader.pool.query("SELECT count(*) FROM events_all");
      for (const statement of ["SELECT archive_events(now())", "SELECT ensure_event_partition('2020-01-01')"]) {
        await assert.rejects(reader.pool.query(statement), { code: "42501" }, statement);
      }
    });

    it("moves whole sealed months to the archive, and is read as before", async () => {
      const database = await server.migrated();
      const store = createStore(database);
      const insert = (at: string) =>
        database.pool.query(
          "INSERT INTO events (at, kind, entity_id, payload) VALUES ($1, 'note.added', gen_random_uuid(), '{}')",
          [at],
        );
      await database.pool.query("SELECT ensure_event_partition('2020-01-01'), ensure_event_partition('2020-02-01')");
      for (const at of ["2020-01-31T23:59:59.999999Z", "2020-02-01T00:00:00Z", "2019-12-31T00:00:00Z"])
        await insert(at);
      assert.equal(await store.archive("2020-02-29T00:00:00.000000Z"), 0, "none is sealed");
      assert.equal((await store.maintain()).eventsSealed, 3);
      assert.equal(await store.archive("2020-02-29T00:00:00.000000Z"), 1);
      assert.equal((await database.pool.query("SELECT FROM events_archive")).rowCount, 1);
      assert.equal((await store.listEvents({}, { limit: 10 })).items.length, 3);
      await assert.rejects(database.pool.query("DELETE FROM events_2020_01"), { code: "42501" });
      await insert("2020-01-15T00:00:00Z");
      assert.equal((await store.statistics()).total_events, 4, "what comes late has its place");
    });
  });

  describe("the store", () => {
    it("grows versions, events and snapshots when the clock goes backwards", async () => {
      const database = await server.migrated();
      const store = createStore(database);
      const { id } = (await store.createTask(aTask, context)).entity;
      await database.pool.query("UPDATE tasks SET updated_at = '2100-01-01T00:00:00Z' WHERE id = $1", [id]);
      const changed = (await store.updateTask(id, { title: "u" }, context)).entity;
      assert.equal(changed.updated_at, "2100-01-01T00:00:00.000001Z");
      const again = (await store.updateTask(id, { title: "v" }, { ...context, version: changed.updated_at })).entity;
      assert.equal(again.updated_at, "2100-01-01T00:00:00.000002Z");
      const report = { title: "r", claims: [`task_id:${id}`] };
      const reports = await Promise.all([1, 2, 3].map(() => store.publishReport(report, context)));
      const times = new Set(reports.map(({ entity }) => entity.verification_snapshot_ts));
      assert.equal(times.size, 3);
      for (const time of times) assert.equal((await store.lastEvent(id, time))?.payload.title, "v");
    });

    it("prepares its statements once a connection", async () => {
      const database = await server.migrated({ poolSize: 1 });
      const store = createStore(database);
      const { id } = (await store.createTask(aTask, context)).entity;
      for (let n = 0; n < 5; n++) await store.derivedStatus(id);
      const { rows } = await database.pool.query<{ calls: number }>(
        "SELECT generic_plans + custom_plans AS calls FROM pg_prepared_statements WHERE statement LIKE '%FROM task_status_derived_mv%'",
      );
      assert.deepEqual(rows, [{ calls: 5 }]);
    });

    it("forgets idempotency keys after their time, and archives by its retention", async () => {
      const database = await server.migrated();
      const store = createStore(database, { idempotencyHours: 1, eventRetentionDays: 1 });
      await store.createTask(aTask, key("old"));
      await store.createTask(aTask, key("new"));
      await database.pool.query(
        "UPDATE idempotency_keys SET created_at = now() - interval '61 minutes' WHERE key = 'old'",
      );
      assert.deepEqual(await store.maintain(), { eventsSealed: 2, eventsArchived: 0, keysExpired: 1 });
      assert.equal((await store.createTask(aTask, key("new"))).replayed, true);
      assert.equal((await store.createTask(aTask, key("old"))).replayed, false);
    });

    it("tells how long the derived status's upkeep took", async () => {
      const took: number[] = [];
      const store = createStore(await server.migrated({ poolSize: 1 }), { onRefresh: (us) => took.push(us) });
      const { id } = (await store.createTask(aTask, context)).entity;
      for (let n = 0; n < 3; n++) await store.createRun(id, newRun.parse({}), context);
      assert.equal(took.length, 3);
      assert.ok(took.every((us) => us >= 0 && us < 1e6));
    });

    it("gives up a statement that waits too long for a lock, and changes nothing", async () => {
      const database = await server.migrated({ lockTimeoutMs: 100 });
      const store = createStore(database);
      const { id } = (await store.createTask(aTask, context)).entity;
      const client = await database.pool.connect();
      await client.query("BEGIN");
      await client.query("UPDATE tasks SET title = 'held' WHERE id = $1", [id]);
      await assert.rejects(
        store.updateTask(id, { title: "x" }, context),
        (error) => error instanceof Unavailable && !error.indeterminate && /lock/.test(error.message),
      );
      await client.query("ROLLBACK");
      client.release();
      assert.equal((await store.getTask(id)).title, "t");
    });

    it("is unavailable while the server is down, and goes on by itself when it is back", async () => {
      const database = await server.migrated();
      const store = createStore(database, { retryMs: 200 });
      const first = (await store.createTask(aTask, key("before"))).entity;
      await server.instance.down();
      await assert.rejects(store.getTask(first.id), Unavailable);
      await assert.rejects(store.createTask(aTask, context), Unavailable);
      const patient = createStore(database, { retryMs: 30_000 });
      const reading = patient.getTask(first.id);
      const writing = patient.createTask(aTask, key("during"));
      await server.instance.up();
      assert.deepEqual(await reading, first);
      const { entity } = await writing;
      assert.deepEqual((await store.createTask(aTask, key("during"))).entity, entity);
      assert.equal((await store.statistics()).total_tasks, 2);
    });

    it("does a write whose answer was lost once, under an idempotency key, and says so without", async () => {
      const database = await server.migrated();
      const store = createStore(database, { retryMs: 10_000 });
      const { id } = (await store.createTask(aTask, context)).entity;
      for (const asked of [key("lost"), context]) {
        const client = await database.pool.connect();
        await client.query("BEGIN");
        await client.query("SELECT FROM tasks WHERE id = $1 FOR UPDATE", [id]);
        const writing = store.updateTask(id, { title: "x" }, asked).then(
          (written) => written,
          (error: unknown) => error,
        );
        const waits = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
        while ((await server.instance.query(waits)).length === 0);
        await client.query("ROLLBACK");
        client.release();
        const answer = await writing;
        if (asked === context) assert.ok(answer instanceof Unavailable && answer.indeterminate);
        else assert.ok("replayed" in (answer as object), String(answer));
      }
      const { items } = await store.listEvents({ entityId: id }, { limit: 10 });
      assert.deepEqual(
        items.map(({ kind }) => kind),
        ["task.created", "task.updated"],
      );
    });

    it("cannot be reached by a URL that is none, and does not show it", async () => {
      const { openDatabase } = await import("../database.js");
      for (const url of [
        "secret",
        "http://u:secret@h/d",
        "postgresql://u:secret@h",
        "postgresql://u:secret@h/d?sslmode=maybe",
      ]) {
        await assert.rejects(
          openDatabase({ backend: "postgres", url }),
          (error: Error) => /PostgreSQL/.test(error.message) && !error.message.includes("secret"),
        );
      }
    });
  });
});
