import assert from "node:assert/strict";
import { sql } from "kysely";
import { sealEvents } from "../log/seal";
import { backends, Ground, populate } from "../log/testing";
import type { Database } from "../store/database";
import { examine } from "./doctor";
import { doctorReport, healthOf } from "./report";

describe("doctor", function () {
  this.timeout(60_000);
  let ground: Ground;
  before(async function () {
    ground = await Ground.start(this);
  });
  after(() => ground?.remove());

  const populated = async (backend: Database["backend"]): Promise<Database> => {
    const { database, store } = await ground.fresh(backend);
    await populate(store);
    await sealEvents(database);
    return database;
  };
  /** As a superuser can: no trigger, no foreign key. */
  const harm = async ({ db }: Database, text: string) => {
    await sql.raw(`BEGIN; SET LOCAL session_replication_role = replica; ${text}; COMMIT`).execute(db);
  };

  for (const backend of backends) {
    it(`finds a sound database excellent (${backend})`, async () => {
      for (const full of [false, true]) {
        const report = doctorReport.parse(await examine(await populated(backend), { full }));
        assert.deepEqual(
          report.checks.filter(({ status }) => status !== "pass"),
          [],
        );
        assert.equal(report.summary.system_health, "excellent");
      }
      const { database } = await ground.fresh(backend);
      assert.equal((await examine(database)).summary.system_health, "excellent");
    });
  }

  for (const [what, text, name, detail] of [
    [
      "a run without its task",
      "DELETE FROM tasks WHERE id = (SELECT task_id FROM runs LIMIT 1)",
      "orphans: runs.task_id",
      /^1 of all 3 rows without their row of tasks: /,
    ],
    [
      "a gate without its run",
      "DELETE FROM runs WHERE id = (SELECT run_id FROM gates LIMIT 1)",
      "orphans: gates.run_id",
      /^2 of all 6 rows/,
    ],
    [
      "an artifact of a run that is not there",
      "UPDATE artifacts SET run_id = gen_random_uuid() WHERE path = 'of-gone.txt'",
      "orphans: artifacts.run_id",
      /^1 of/,
    ],
    [
      "a row that the log does not know",
      "INSERT INTO tasks (title, policy_version) VALUES ('t', '1')",
      "orphans: tasks in the event log",
      /^1 of all 4 rows without the event task\.created/,
    ],
    [
      "an event of what never was",
      "INSERT INTO events (kind, entity_id, payload) VALUES ('task.updated', gen_random_uuid(), '{}')",
      "orphans: events of entities that never were",
      /^1 in/,
    ],
    [
      "a changed event",
      "UPDATE events SET payload = '{}' WHERE kind = 'note.added'",
      "event log",
      /^batch 1: event \d+ was changed$/,
    ],
    [
      "a wrong derived status",
      "UPDATE task_status SET runs_failed = 1",
      "derived status",
      /^3 of all 3 rows of tasks differ/,
    ],
    ["a missing derived status", "DELETE FROM task_status", "derived status", /^3 of all 3 rows of tasks differ/],
    [
      "positions that were given already",
      "SELECT setval('events_seq', 1)",
      "sequences",
      /^the log is at \d+, the next position would be 2$/,
    ],
    [
      "a clock of reports that stands behind",
      "UPDATE report_clock SET last = 'epoch'",
      "sequences",
      /^the newest report is of/,
    ],
    [
      "a migration that is not applied",
      "DELETE FROM kysely_migration WHERE name LIKE '0003%'",
      "schema",
      /^0003-events.* not applied$/,
    ],
  ] as const) {
    it(`is critical with ${what}, and names it with a fix`, async () => {
      const database = await populated("postgres");
      await harm(database, text);
      const report = await examine(database);
      assert.equal(report.summary.system_health, "critical");
      const found = report.checks.find((each) => each.name === name);
      assert.equal(found?.status, "fail", JSON.stringify(report.checks));
      assert.match(found?.detail ?? "", detail);
      assert.notEqual(found?.fix, null);
      if (name.startsWith("orphans")) assert(report.summary.orphans > 0);
    });
  }

  it("is degraded when upkeep does not run", async () => {
    const database = await populated("postgres");
    await harm(
      database,
      `INSERT INTO idempotency_keys VALUES ('k', repeat('0', 64), 1, now(), now() - interval '3 days');
       INSERT INTO events (at, kind, entity_id, payload) VALUES (now() - interval '2 hours', 'note.added', gen_random_uuid(), '{}')`,
    );
    const { summary, checks } = await examine(database);
    assert.equal(summary.system_health, "degraded");
    assert.deepEqual(
      checks.filter(({ status }) => status === "warn").map(({ name }) => name),
      ["event log", "idempotency keys"],
    );
  });

  it("misses the synchronous standby that the server is set up for", async () => {
    const database = await populated("postgres");
    await ground.instance.query("ALTER SYSTEM SET synchronous_standby_names = '*'");
    try {
      await ground.instance.query("SELECT pg_reload_conf()");
      for (;;) {
        const [row] = await ground.instance.query("SHOW synchronous_standby_names");
        if (row?.["synchronous_standby_names"] === "*") break;
      }
      const { checks } = await examine(database);
      const found = checks.find(({ name }) => name === "replication");
      assert.equal(found?.status, "fail");
      assert.match(found?.detail ?? "", /^no synchronous standby \(0 are connected\)/);
    } finally {
      await ground.instance.query("ALTER SYSTEM RESET synchronous_standby_names");
      await ground.instance.query("SELECT pg_reload_conf()");
    }
  });

  it("has one rule for the health", () => {
    const of = (...statuses: ("pass" | "warn" | "fail")[]) => healthOf(statuses.map((status) => ({ status })));
    assert.deepEqual(
      [of(), of("pass"), of("pass", "warn"), of("warn", "fail")],
      ["excellent", "excellent", "degraded", "critical"],
    );
  });
});
