import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { skip } from "../../../../cli/testing/skip";
import { type NewTask, newTask, type Task } from "../../domain";
import type { PostgresDatabase } from "../database";
import { createStore } from "../open";
import {
  AlreadyExists,
  IdempotencyMismatch,
  type TaskStore,
  Unavailable,
  type WriteContext,
  type Written,
} from "../store";
import { missing, Server } from "../testing/server";

const burst = 200;
const numbers = Array.from({ length: burst }, (_, n) => n);
const aTask = (n: number, more: object = {}): NewTask =>
  newTask.parse({ title: `task ${n}`, policy_version: "1", ...more });
const asked = (n: number): WriteContext => ({ requestId: `request ${n}` });
const keyed = (key: string, request = key): WriteContext => ({
  requestId: key,
  idempotency: { key, requestHash: createHash("sha256").update(request).digest("hex") },
});
const many = { limit: 2 * burst };

describe("a burst of creations on PostgreSQL", function () {
  this.timeout(120_000);
  let server: Server;
  before(async function () {
    const reason = missing();
    if (reason !== undefined) skip(this, reason);
    server = await Server.start();
  });
  after(() => server?.remove());

  /** Nobody can write a task until the answer is called. */
  async function hold({ pool }: PostgresDatabase): Promise<() => Promise<void>> {
    const client = await pool.connect();
    await client.query("BEGIN");
    await client.query("LOCK TABLE tasks IN SHARE MODE");
    return async () => {
      await client.query("COMMIT");
      client.release();
    };
  }
  /** Ends the connections that wait for a lock, when there are as many. */
  async function endWaiting(name: string, count: number): Promise<void> {
    const waiting = `FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`;
    while ((await server.instance.query(`SELECT ${waiting}`, [name])).length < count);
    await server.instance.query(`SELECT pg_terminate_backend(pid, 5000) ${waiting}`, [name]);
  }
  const stored = async (store: TaskStore): Promise<readonly Task[]> => (await store.listTasks({}, many)).items;
  const titles = (tasks: readonly Task[]) => tasks.map(({ title }) => title).sort();

  it("of any shapes leaves each task and event once, in order, by a few transactions", async () => {
    const store = createStore(await server.migrated());
    const shapes: readonly object[] = [
      {},
      { status: "completed", priority: "critical" },
      { description: `'); DROP TABLE tasks; --"$1\\ é 😀`, feature: "f", owner: "o", summary: "s" },
      { dependencies: [randomUUID(), { deep: [[1]] }, null], metadata: { b: [1e21, -0.001], a: { "": null } } },
      { metadata: {}, dependencies: [] },
    ];
    const inputs = numbers.map((n) =>
      aTask(n, { ...shapes[n % shapes.length], ...(n % 2 && { id: randomUUID().toUpperCase() }) }),
    );
    const written = await Promise.all(
      inputs.map((input, n) => store.createTask(input, n % 3 ? asked(n) : keyed(`request ${n}`))),
    );
    for (const [n, { entity, replayed }] of written.entries()) {
      assert.deepEqual({ ...entity, ...inputs[n] }, entity);
      assert.equal(entity.completed_at, entity.status === "completed" ? entity.created_at : null);
      assert.equal(replayed, false);
      assert.deepEqual(await store.getTask(entity.id), entity);
    }
    const { items } = await store.listEvents({}, many);
    assert.equal(items.length, burst);
    const bySeq = [...written.entries()].sort(([, a], [, b]) => a.seq - b.seq);
    assert.deepEqual(
      items.map(({ seq, kind, entity_id, task_id, payload, request_id }) => [
        seq,
        kind,
        entity_id,
        task_id,
        payload,
        request_id,
      ]),
      bySeq.map(([n, { seq, entity }]) => [seq, "task.created", entity.id, entity.id, entity, `request ${n}`]),
    );
    for (const { at, payload } of items) assert.ok(at >= String(payload.updated_at));
    // What one transaction writes has one time.
    const transactions = new Set(bySeq.map(([, { entity }]) => entity.created_at));
    for (const time of transactions) {
      const order = bySeq.flatMap(([n, { entity }]) => (entity.created_at === time ? [n] : []));
      assert.deepEqual(
        order,
        order.toSorted((a, b) => a - b),
      );
    }
    assert.ok(transactions.size < burst / 10, `${transactions.size} transactions`);
  });

  it("has each wrong one refused as it is alone, and all others done", async () => {
    const store = createStore(await server.migrated());
    const there = (await store.createTask(aTask(-1), asked(-1))).entity;
    const first = await store.createTask(aTask(-2), keyed("first"));
    const wrong = new Map<number, readonly [NewTask, WriteContext]>([
      [20, [{ ...aTask(20), id: there.id }, asked(20)]],
      [60, [aTask(60), keyed("first")]],
      [61, [aTask(61), keyed("first", "another request")]],
      [100, [{ ...aTask(100), title: "x".repeat(256) }, asked(100)]],
      [101, [{ ...aTask(101), policy_version: "\0" }, asked(101)]],
      // Twice in the same group.
      [140, [{ ...aTask(140), id: "00000000-0000-4000-8000-000000000000" }, asked(140)]],
      [141, [{ ...aTask(141), id: "00000000-0000-4000-8000-000000000000" }, asked(141)]],
      [142, [aTask(142), keyed("twice")]],
      [143, [aTask(142), keyed("twice")]],
    ]);
    const create = (n: number) => store.createTask(...(wrong.get(n) ?? [aTask(n), asked(n)]));
    const settled = await Promise.allSettled(numbers.map(create));
    const valueOf = (n: number) => (settled[n] as PromiseFulfilledResult<Written<Task>>).value;
    const reasonOf = (n: number) => (settled[n] as PromiseRejectedResult).reason as Error;

    assert.ok(reasonOf(20) instanceof AlreadyExists);
    assert.deepEqual(valueOf(60), { ...first, replayed: true });
    assert.ok(reasonOf(61) instanceof IdempotencyMismatch);
    for (const n of [100, 101]) await assert.rejects(create(n), { ...reasonOf(n) }, "alone it fails in the same way");
    assert.equal(settled.filter(({ status }, n) => [140, 141].includes(n) && status === "rejected").length, 1);
    assert.deepEqual(valueOf(142).entity, valueOf(143).entity);
    assert.notEqual(valueOf(142).replayed, valueOf(143).replayed);

    const rest = numbers.filter((n) => !wrong.has(n));
    const wanted = [
      ...[-1, -2, ...rest, 142].map((n) => aTask(n).title),
      titles(await stored(store)).includes("task 140") ? "task 140" : "task 141",
    ];
    assert.deepEqual(titles(await stored(store)), wanted.sort());
    assert.equal((await store.statistics()).total_events, wanted.length);
  });

  it("goes on around a row that waits for a lock", async () => {
    const database = await server.migrated({ lockTimeoutMs: 200 });
    const store = createStore(database);
    const id = randomUUID();
    const client = await database.pool.connect();
    await client.query("BEGIN");
    await client.query("INSERT INTO tasks (id, title, policy_version) VALUES ($1, 'not yet', '1')", [id]);
    const settled = await Promise.allSettled(
      numbers.map((n) => store.createTask(aTask(n, n === 50 ? { id } : {}), asked(n))),
    );
    await client.query("ROLLBACK");
    client.release();
    const failed = settled.flatMap((each, n) => (each.status === "rejected" ? [[n, each.reason] as const] : []));
    assert.deepEqual(
      failed.map(([n, error]) => [n, error instanceof Unavailable && /lock/.test(error.message)]),
      [[50, true]],
    );
    assert.deepEqual(
      titles(await stored(store)),
      titles(settled.flatMap((each) => (each.status === "fulfilled" ? [each.value.entity] : []))),
    );
  });

  it("loses nothing that was acknowledged when connections are ended, and says what is in doubt", async () => {
    const database = await server.migrated();
    const store = createStore(database);
    const release = await hold(database);
    const writing = Promise.allSettled(numbers.map((n) => store.createTask(aTask(n), asked(n))));
    // First those that were sent alone, then two groups.
    for (let round = 0; round < 2; round++) await endWaiting(database.name, 2);
    await release();
    const settled = await writing;
    const doubtful = settled.flatMap((each) => (each.status === "rejected" ? [each.reason as unknown] : []));
    assert.ok(doubtful.length > 2 && doubtful.length < burst, `${doubtful.length} in doubt`);
    assert.ok(doubtful.every((error) => error instanceof Unavailable && error.indeterminate));
    const acknowledged = settled.flatMap((each) => (each.status === "fulfilled" ? [each.value.entity] : []));
    assert.deepEqual(titles(await stored(store)), titles(acknowledged));
    assert.equal((await store.statistics()).total_events, acknowledged.length);
  });

  it("under idempotency keys is there once, whenever connections are ended", async () => {
    const database = await server.migrated();
    const store = createStore(database, { retryMs: 60_000 });
    const create = (n: number) => store.createTask(aTask(n), keyed(`key ${n}`));
    const release = await hold(database);
    const writing = Promise.all(numbers.map(create));
    for (let round = 0; round < 3; round++) await endWaiting(database.name, 2);
    await release();
    // And now wherever they are.
    for (let round = 0; round < 5; round++) {
      await server.instance.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [
        database.name,
      ]);
    }
    const written = await writing;
    assert.deepEqual(titles(await stored(store)), numbers.map((n) => aTask(n).title).sort());
    assert.equal((await store.statistics()).total_events, burst);
    const again = await Promise.all(numbers.map(create));
    assert.deepEqual(
      again,
      written.map((each) => ({ ...each, replayed: true })),
    );
  });

  it("is refused as far as its turn does not come in time, and only that", async () => {
    const database = await server.migrated({ acquireTimeoutMs: 200 });
    const store = createStore(database);
    const release = await hold(database);
    const writing = numbers.map((n) => store.createTask(aTask(n), asked(n)));
    const [alone, refused] = [writing.slice(0, 2), await Promise.allSettled(writing.slice(2))];
    await release();
    for (const each of refused) {
      const error: unknown = each.status === "rejected" ? each.reason : undefined;
      assert.ok(error instanceof Unavailable && !error.indeterminate && /200 ms/.test(error.message), String(error));
    }
    await Promise.all(alone);
    await store.createTask(aTask(2), asked(2));
    assert.deepEqual(titles(await stored(store)), ["task 0", "task 1", "task 2"]);
  });

  it("needs one prepared statement, however many tasks of whatever shapes come at once", async () => {
    const database = await server.migrated({ poolSize: 2 });
    const store = createStore(database);
    for (const size of [5, 8, 50, burst]) {
      const shape = (n: number) => ({
        ...(n % 2 && { owner: "o" }),
        ...(n % 3 && { metadata: {}, status: "completed" }),
      });
      await Promise.all(
        numbers
          .slice(0, size)
          .map((n) => store.createTask(aTask(n, shape(n)), n % 4 ? asked(n) : keyed(`${size} ${n}`))),
      );
    }
    const clients = await Promise.all([database.pool.connect(), database.pool.connect()]);
    const found = await Promise.all(
      clients.map((client) =>
        client.query("SELECT FROM pg_prepared_statements WHERE statement LIKE '%json_to_recordset%'"),
      ),
    );
    for (const client of clients) client.release();
    assert.deepEqual(
      found.map(({ rowCount }) => rowCount),
      [1, 1],
    );
  });
});
