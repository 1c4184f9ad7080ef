import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { skip } from "../../../cli/testing/skip";
import { Instance, missing } from "../../../local/engine/providers/postgresql/testing/instance";
import { openDatabase } from "../store/database";
import { migrate } from "../store/migrate";
import { type Answer, settings, TestApi } from "./testing/api";
import { refusesBadInput } from "./testing/input";

describe("taskdb: the API on PostgreSQL, when things go wrong", function () {
  this.timeout(60_000);
  let server: Instance;
  const apis: TestApi[] = [];
  let databases = 0;

  before(async function () {
    const reason = missing();
    if (reason) skip(this, reason);
    server = await Instance.start();
  });
  afterEach(async () => {
    for (const api of apis.splice(0)) await api.close();
  });
  after(() => server?.remove());

  const optionsOf = (name: string) =>
    ({
      backend: "postgres",
      url: `postgresql://postgres:${encodeURIComponent(server.password)}@127.0.0.1:${server.port}/${name}`,
      poolSize: 4,
      lockTimeoutMs: 30_000,
      statementTimeoutMs: 30_000,
    }) as const;

  async function database(): Promise<string> {
    const name = `taskdb_${databases++}`;
    await server.query(`CREATE DATABASE ${name}`);
    const opened = await openDatabase(optionsOf(name));
    await migrate(opened, "up");
    await opened.close();
    return name;
  }
  async function open(name: string, retryMs = 200, maxInFlight = 100): Promise<TestApi> {
    const opened = await openDatabase(optionsOf(name));
    const api = await TestApi.over(opened, { retryMs }, { settings: settings({ maxInFlight }) });
    apis.push(api);
    return api;
  }
  const readyz = (api: TestApi): Promise<Answer> => api.send("GET", "/readyz");
  async function until(holds: () => Promise<boolean>): Promise<void> {
    while (!(await holds())) await sleep(50);
  }
  /** Another session holds the row until what it answers is called. */
  async function hold(name: string, task: string): Promise<() => Promise<void>> {
    const client = server.client("postgres", server.password, name);
    // Ends with the server, too.
    client.on("error", () => undefined);
    await client.connect();
    await client.query("BEGIN");
    await client.query("SELECT FROM tasks WHERE id = $1 FOR UPDATE", [task]);
    return () => client.end();
  }
  const waiting = async (name: string): Promise<number> => {
    const rows = await server.query(
      "SELECT FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock' AND application_name = 'taskdb'",
      [name],
    );
    return rows.length;
  };

  describe("bad input", () => {
    refusesBadInput(async () => {
      const opened = await openDatabase(optionsOf(await database()));
      return TestApi.over(opened);
    });
  });

  it("starts while PostgreSQL is down, says why it is not ready, and becomes ready by itself", async () => {
    const name = await database();
    await server.down();
    const api = await open(name);
    try {
      assert.equal((await api.send("GET", "/livez")).status, 200);
      const down = await readyz(api);
      assert.equal(down.status, 503);
      assert.match(down.body.detail, /ECONNREFUSED/);
      const refused = await api.post("/tasks", { title: "A", policy_version: "1" });
      assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "1"]);
      assert.equal(refused.body.type, "urn:taskdb:problem:unavailable");
      assert.doesNotMatch(JSON.stringify([down, refused]), /superuser/);
    } finally {
      await server.up();
    }
    await until(async () => (await readyz(api)).status === 200);
    await api.task();
    assert.equal((await api.store.statistics()).total_events, 1);
  });

  it("says that the schema is behind", async () => {
    const name = await database();
    const opened = await openDatabase(optionsOf(name));
    await migrate(opened, "down");
    const api = await open(name);
    const behind = await readyz(api);
    assert.equal(behind.status, 503);
    assert.match(behind.body.detail, /taskdb migrate up/);
    await migrate(opened, "empty");
    assert.match((await readyz(api)).body.detail, /taskdb migrate up/);
    await migrate(opened, "up");
    await opened.close();
    assert.equal((await readyz(api)).status, 200);
  });

  it("leaves nothing half-written when PostgreSQL goes in mid-request, and says that it is in doubt", async () => {
    const name = await database();
    const api = await open(name);
    const task = await api.task();
    const before = await api.counts();
    const release = await hold(name, task);
    const change = api.patch(`/tasks/${task}`, { title: "Changed" });
    await until(async () => (await waiting(name)) === 1);
    await server.down();
    const lost = await change;
    await server.up();
    await release().catch(() => undefined);
    assert.equal(lost.status, 503);
    assert.match(lost.body.detail, /may have been carried out/);
    assert.equal(lost.headers["retry-after"], "1");
    await until(async () => (await readyz(api)).status === 200);
    assert.equal((await api.get(`/tasks/${task}`)).body.title, "A task");
    assert.deepEqual(await api.counts(), before);
  });

  it("carries a write under an idempotency key over a failover, once", async () => {
    const name = await database();
    const api = await open(name, 30_000);
    const task = await api.task();
    const release = await hold(name, task);
    const change = api.patch(`/tasks/${task}`, { title: "Changed" }, { "idempotency-key": randomUUID() });
    await until(async () => (await waiting(name)) === 1);
    await server.down();
    await server.up();
    await release().catch(() => undefined);
    assert.deepEqual([(await change).status, (await change).body.title], [200, "Changed"]);
    const kinds = (await api.get(`/events?entity_id=${task}`)).body.items.map(({ kind }) => kind);
    assert.deepEqual(kinds, ["task.created", "task.updated"]);
  });

  it("reads on while PostgreSQL is read-only after a failover, and writes again once it is not", async () => {
    const name = await database();
    const api = await open(name);
    const task = await api.task();
    const before = await api.counts();
    const readOnly = async (on: boolean): Promise<void> => {
      await server.query(`ALTER SYSTEM SET default_transaction_read_only = ${on ? "on" : "off"}`);
      await server.query("SELECT pg_reload_conf()");
      await until(async () => ((await readyz(api)).status === 503) === on);
    };
    await readOnly(true);
    try {
      assert.match((await readyz(api)).body.detail, /read-only/);
      const refused = await api.patch(`/tasks/${task}`, { title: "Changed" });
      assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "1"]);
      assert.doesNotMatch(refused.body.detail, /may have been carried out/);
      assert.equal((await api.get(`/tasks/${task}`)).body.title, "A task");
      assert.deepEqual(await api.counts(), before);
    } finally {
      await readOnly(false);
    }
    assert.equal((await api.patch(`/tasks/${task}`, { title: "Changed" })).status, 200);
  });

  it("refuses what is beyond its bound at once, and answers all that it took on", async () => {
    const name = await database();
    const bound = 6;
    const api = await open(name, 200, bound);
    const task = await api.task();
    const release = await hold(name, task);
    // More than the pool has connections: the others wait in line.
    const taken = Array.from({ length: bound }, (_, index) => api.patch(`/tasks/${task}`, { title: `Title ${index}` }));
    await until(async () => (await waiting(name)) === 4);
    const refused = await api.get(`/tasks/${task}`);
    assert.deepEqual([refused.status, refused.headers["retry-after"]], [503, "1"]);
    assert.equal(refused.body.type, "urn:taskdb:problem:saturated");
    assert.equal((await api.send("GET", "/livez")).status, 200);
    const text = await api.metrics.registry.metrics();
    assert.match(text, /taskdb_requests_refused_total\{limit="in-flight"\} 1\n/);
    assert.match(text, new RegExp(`taskdb_concurrent_writers_total ${bound}\n`));
    await release();
    const statuses = (await Promise.all(taken)).map(({ status }) => status);
    assert.deepEqual(
      statuses,
      taken.map(() => 200),
    );
    assert.equal((await api.get(`/tasks/${task}`)).status, 200);
    assert.equal((await api.get(`/events?entity_id=${task}`)).body.items.length, 1 + bound);
  });
});
