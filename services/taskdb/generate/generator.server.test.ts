import assert from "node:assert/strict";
import { sql } from "kysely";
import { skip } from "../../../cli/testing/skip";
import { Instance, missing } from "../../../local/engine/providers/postgresql/testing/instance";
import { exportDigest } from "../log/export";
import { type Database, openDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { TaskDBLoadGenerator } from "./generator";
import { lines } from "../progress";

const tiny = { tasks: 60, runsPerTask: 4, gatesPerRun: 3, artifactsPerTask: 2, events: 2000 };

describe("load generator (real PostgreSQL)", function () {
  this.timeout(120_000);
  let server: Instance;
  let database: Database;

  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Instance.start({ password: "secret" });
  });
  after(() => (server as Instance | undefined)?.remove());

  const open = () =>
    openDatabase({ backend: "postgres", url: `postgresql://postgres:secret@127.0.0.1:${server.port}/postgres` });
  beforeEach(async () => {
    database = await open();
    await migrate(database, "up");
  });
  afterEach(async () => {
    await migrate(database, "empty");
    await database.close();
  });

  const schema = async (): Promise<unknown> =>
    (
      await server.query(
        `SELECT conrelid::regclass::text AS on, pg_get_constraintdef(oid) AS is FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL SELECT tablename, regexp_replace(indexdef, 'INDEX \\S+', '') FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2`,
      )
    ).filter(({ on }) => !String(on).startsWith("events_2"));

  it("makes the same rows as on SQLite, with the right derived status, keys and indexes", async () => {
    const before = await schema();
    await new TaskDBLoadGenerator(database).generateSyntheticDataset(tiny);
    const sqlite = await openDatabase({ backend: "sqlite", path: ":memory:" });
    await migrate(sqlite, "up");
    await new TaskDBLoadGenerator(sqlite).generateSyntheticDataset(tiny);
    assert.deepEqual(await exportDigest(database.db), await exportDigest(sqlite.db));
    await sqlite.close();
    const { rows } = await sql`
      SELECT FROM task_status_derived_mv s FULL JOIN task_status_derived_oracle o USING (task_id)
      WHERE (s.status_derived, s.health_score, s.stored_status) IS DISTINCT FROM (o.status_derived, o.health_score, o.stored_status)`.execute(
      database.db,
    );
    assert.equal(rows.length, 0);
    assert.deepEqual(await schema(), before);
    const [{ next } = {}] = await server.query("SELECT nextval('events_seq')::int AS next");
    assert.equal(next, 2001);
    const [{ other } = {}] = await server.query("SELECT count(*)::int AS other FROM events_other");
    assert.equal(other, 0);
  });

  it("appends while others read, and refuses rows that are there", async () => {
    const generator = new TaskDBLoadGenerator(database);
    await generator.generateSyntheticDataset(tiny);
    await assert.rejects(generator.generateSyntheticDataset(tiny), /is not empty and was left as it is/);
    await assert.rejects(generator.generateSyntheticDataset({ ...tiny, present: "append" }), /Take another --seed/);
    await generator.generateSyntheticDataset({ ...tiny, seed: 2, present: "append" });
    const { tables } = await exportDigest(database.db);
    assert.deepEqual([tables.tasks?.rows, tables.events?.rows], [120, 4000]);
  });

  it("leaves nothing when its connection is cut in the middle, and the next load is whole", async () => {
    const before = await schema();
    const cut = lines(() => undefined);
    const generator = new TaskDBLoadGenerator(database, {
      progress: {
        ...cut,
        start: (what) => {
          if (what === "events")
            void server.query(
              "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'taskdb' AND state <> 'idle'",
            );
        },
      },
    });
    await assert.rejects(generator.generateSyntheticDataset({ ...tiny, events: 100_000 }));
    const { tables } = await exportDigest(database.db);
    assert.deepEqual(
      Object.values(tables).map(({ rows }) => rows),
      [0, 0, 0, 0, 0, 0],
    );
    assert.deepEqual(await schema(), before);
    await new TaskDBLoadGenerator(database).generateSyntheticDataset(tiny);
    assert.equal((await exportDigest(database.db)).tables.events?.rows, 2000);
  });
});
