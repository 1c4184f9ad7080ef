import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import {
  artifact,
  derivedStatus,
  event,
  gate,
  newArtifact,
  newGate,
  newReport,
  newRun,
  newTask,
  report,
  run,
  type Run,
  task,
  type Task,
  taskChange,
} from "../domain";
import {
  AlreadyExists,
  BadCursor,
  IdempotencyMismatch,
  NotFound,
  type Page,
  StaleVersion,
  type TaskStore,
} from "./store";

const context = { requestId: "conformance" };
const keyed = (key: string, request = key) => ({
  ...context,
  idempotency: { key, requestHash: createHash("sha256").update(request).digest("hex") },
});
const all = { limit: 500 };
const hostile = `'); DROP TABLE tasks; --"$$\\ %s $1 ? \u202e é 😀`;

export const aTask = (input: object = {}) => newTask.parse({ title: "a task", policy_version: "1.1.0", ...input });
const aGate = (input: object = {}) => newGate.parse({ name: "a gate", type: "lint", ...input });

/** What both backends do, case by case; `open` gives a store of an empty database. */
export function conformance(open: () => Promise<TaskStore>): void {
  let store: TaskStore;
  before(async function () {
    this.timeout(120_000);
    store = await open();
  });
  after(() => store?.close());

  const makeTask = async (input: object = {}): Promise<Task> => (await store.createTask(aTask(input), context)).entity;
  const makeRun = async (of: Task, status: Run["status"] = "running"): Promise<Run> =>
    (await store.createRun(of.id, newRun.parse({ status }), context)).entity;
  const eventsOf = async (entityId: string) => (await store.listEvents({ entityId }, all)).items;
  const counts = async () => ({ ...(await store.statistics()) });

  describe("rows", () => {
    it("come back as they were written, in the domain's form", async () => {
      const metadata = { b: [1, 2.5, -0.001, 1e21], a: { "": null }, "\u007f": "\u2028😀" };
      const made = await makeTask({
        description: "line\nline",
        priority: "critical",
        feature: "f",
        owner: "o",
        summary: "s",
        dependencies: [randomUUID(), { deep: [[[]]] }],
        metadata,
      });
      assert.deepEqual(task.parse(made), made);
      assert.deepEqual(made.metadata, metadata);
      assert.deepEqual(await store.getTask(made.id), made);
      const aRun = (
        await store.createRun(made.id, newRun.parse({ tool_calls: [{ n: 1 }], metrics: { ms: 3 } }), context)
      ).entity;
      assert.deepEqual(run.parse(await store.getRun(aRun.id)), aRun);
      const itsGate = (await store.createGate(aRun.id, aGate({ checks: ["x"] }), context)).entity;
      assert.deepEqual(gate.parse(await store.getGate(itsGate.id)), itsGate);
      const sha256 = "ab".repeat(32);
      const file = { path: "a/b.txt", sha256, size_bytes: 2 ** 40, run_id: aRun.id };
      const itsArtifact = (await store.createArtifact(made.id, newArtifact.parse(file), context)).entity;
      assert.deepEqual(artifact.parse(await store.getArtifact(itsArtifact.id)), itsArtifact);
      assert.equal(itsArtifact.size_bytes, 2 ** 40);
      assert.deepEqual(await store.artifactsByHash(sha256), [itsArtifact]);
      assert.deepEqual(await store.artifactsByHash("00".repeat(32)), []);
    });

    it("take the id that is given, once", async () => {
      const id = randomUUID();
      assert.equal((await makeTask({ id })).id, id);
      const before = await counts();
      await assert.rejects(makeTask({ id }), AlreadyExists);
      assert.deepEqual(await counts(), before);
    });

    it("keep SQL in every text field as text", async () => {
      const short = hostile.slice(0, 18);
      const texts = { description: hostile, feature: hostile, owner: hostile, summary: hostile };
      const json = { dependencies: [hostile], metadata: { [hostile]: hostile } };
      const input = { title: hostile, policy_version: short, ...texts, ...json };
      const made = await makeTask(input);
      assert.deepEqual({ ...made, ...input }, made);
      const changed = (
        await store.updateTask(made.id, taskChange.parse({ title: hostile + hostile, ...json }), context)
      ).entity;
      assert.equal(changed.title, hostile + hostile);
      const itsRun = (
        await store.createRun(made.id, newRun.parse({ tool_calls: [hostile], metrics: { [hostile]: 1 } }), context)
      ).entity;
      assert.deepEqual(itsRun.tool_calls, [hostile]);
      const itsGate = (await store.createGate(itsRun.id, aGate({ name: hostile, checks: [hostile] }), context)).entity;
      assert.equal((await store.getGate(itsGate.id)).name, hostile);
      const file = { path: hostile, sha256: "cd".repeat(32), size_bytes: 0 };
      assert.equal((await store.createArtifact(made.id, newArtifact.parse(file), context)).entity.path, hostile);
      const published = await store.publishReport(
        newReport.parse({ title: hostile, claims: [`task_id:${made.id}`] }),
        context,
      );
      assert.equal((await store.getReport(published.entity.id)).title, hostile);
      const note = await store.addNote(
        made.id,
        { text: hostile },
        { requestId: hostile, idempotency: keyed(hostile).idempotency },
      );
      assert.equal(note.entity.payload.text, hostile);
      assert.equal(note.entity.request_id, hostile);
      assert.deepEqual(
        (await store.listTasks({ owner: hostile }, all)).items.map(({ id }) => id),
        [made.id],
      );
      assert.deepEqual((await store.listEvents({ kind: hostile }, all)).items, []);
    });

    it("that are not there are not found, by kind and id", async () => {
      const nobody = randomUUID();
      const missing = [
        () => store.getTask(nobody),
        () => store.getRun(nobody),
        () => store.getGate(nobody),
        () => store.getArtifact(nobody),
        () => store.getReport(nobody),
        () => store.getTask("no uuid"),
        () => store.derivedStatus(nobody),
        () => store.updateTask(nobody, { title: "x" }, context),
        () => store.updateRun(nobody, { status: "failed" }, context),
        () => store.updateGate(nobody, { status: "fail" }, context),
        () => store.deleteRun(nobody, context),
        () => store.listRuns(nobody, all),
        () => store.listGates(nobody, all),
        () => store.listArtifacts(nobody, all),
      ];
      for (const each of missing) await assert.rejects(each, NotFound, String(each));
    });

    it("without their parent are refused, and leave nothing", async () => {
      const nobody = randomUUID();
      const { id } = await makeTask();
      const before = await counts();
      const file = { path: "x", sha256: "ef".repeat(32), size_bytes: 1 };
      const orphans: [() => Promise<unknown>, string][] = [
        [() => store.createRun(nobody, newRun.parse({}), context), "task"],
        [() => store.createGate(nobody, aGate(), context), "run"],
        [() => store.createArtifact(nobody, newArtifact.parse(file), context), "task"],
        [() => store.createArtifact(id, newArtifact.parse({ ...file, run_id: nobody }), context), "run"],
        [() => store.addNote(nobody, { text: "x" }, context), "task"],
      ];
      for (const [orphan, kind] of orphans) {
        await assert.rejects(
          orphan,
          (error) => error instanceof NotFound && error.kind === kind && error.id === nobody,
        );
      }
      assert.deepEqual(await counts(), before);
    });
  });

  describe("changes", () => {
    it("touch what they name, and give a new version", async () => {
      const first = await makeTask({ owner: "o", metadata: { a: 1 } });
      const { entity } = await store.updateTask(first.id, { title: "other", metadata: null }, context);
      assert.deepEqual(entity, { ...first, title: "other", metadata: null, updated_at: entity.updated_at });
      assert.ok(entity.updated_at > first.updated_at);
      assert.deepEqual(await store.getTask(first.id), entity);
    });

    it("for an older version are refused, and change nothing", async () => {
      const first = await makeTask();
      const second = (await store.updateTask(first.id, { title: "b" }, { ...context, version: first.updated_at }))
        .entity;
      await assert.rejects(
        store.updateTask(first.id, { title: "c" }, { ...context, version: first.updated_at }),
        (error) => error instanceof StaleVersion && error.current === second.updated_at,
      );
      assert.deepEqual(await store.getTask(first.id), second);
      assert.equal((await eventsOf(first.id)).length, 2);
      const itsRun = await makeRun(first);
      await store.updateRun(itsRun.id, { status: "completed" }, context);
      await assert.rejects(store.deleteRun(itsRun.id, { ...context, version: itsRun.updated_at }), StaleVersion);
      assert.equal((await store.getRun(itsRun.id)).status, "completed");
    });

    it("of ten at once for one version let one through", async () => {
      const first = await makeTask();
      const tries = Array.from({ length: 10 }, (_, n) =>
        store.updateTask(first.id, { title: `t${n}` }, { ...context, version: first.updated_at }),
      );
      const done = await Promise.allSettled(tries);
      assert.equal(done.filter(({ status }) => status === "fulfilled").length, 1);
      for (const each of done) if (each.status === "rejected") assert.ok(each.reason instanceof StaleVersion);
    });

    it("of the status move `completed_at` along", async () => {
      const first = await makeTask();
      const done = (await store.updateTask(first.id, { status: "completed" }, context)).entity;
      assert.ok(done.completed_at !== null && done.completed_at >= first.updated_at);
      const still = (await store.updateTask(first.id, { status: "completed", title: "x" }, context)).entity;
      assert.equal(still.completed_at, done.completed_at);
      assert.equal((await store.updateTask(first.id, { status: "retracted" }, context)).entity.completed_at, null);
      assert.notEqual((await makeRun(first, "completed")).completed_at, null);
      assert.equal((await makeRun(first, "failed")).completed_at, null);
    });

    it("each leave an event with the whole row, in the order they were made", async () => {
      const first = await makeTask();
      const second = (await store.updateTask(first.id, { status: "in_progress" }, context)).entity;
      const events = await eventsOf(first.id);
      assert.deepEqual(
        events.map(({ kind }) => kind),
        ["task.created", "task.updated"],
      );
      assert.deepEqual(
        events.map(({ payload }) => payload),
        [first, second],
      );
      for (const each of events) assert.deepEqual(event.parse(each), each);
      assert.ok((events[0]?.at ?? "") < (events[1]?.at ?? "") && (events[0]?.seq ?? 0) < (events[1]?.seq ?? 0));
      assert.deepEqual((await store.lastEvent(first.id, events[0]?.at ?? ""))?.payload, first);
      assert.deepEqual((await store.lastEvent(first.id, events[1]?.at ?? ""))?.payload, second);
      assert.equal(await store.lastEvent(first.id, "2000-01-01T00:00:00.000000Z"), undefined);
    });

    it("by a note are in the task's log, and not its state", async () => {
      const first = await makeTask();
      const { entity, seq } = await store.addNote(first.id, { text: "seen" }, context);
      assert.deepEqual(event.parse(entity), entity);
      assert.deepEqual([entity.seq, entity.kind, entity.task_id], [seq, "note.added", first.id]);
      assert.deepEqual((await store.listEvents({ taskId: first.id }, all)).items.at(-1), entity);
      assert.equal((await store.lastEvent(first.id, entity.at))?.kind, "task.created");
    });

    it("that delete a run take its gates, and let go of its artifacts", async () => {
      const parent = await makeTask();
      const doomed = await makeRun(parent);
      const other = await makeRun(parent, "completed");
      const gates = [];
      for (const status of ["fail", "pass"])
        gates.push((await store.createGate(doomed.id, aGate({ status }), context)).entity);
      const file = newArtifact.parse({ path: "x", sha256: "12".repeat(32), size_bytes: 1, run_id: doomed.id });
      const kept = (await store.createArtifact(parent.id, file, context)).entity;
      const { entity } = await store.deleteRun(doomed.id, context);
      assert.deepEqual(entity, doomed);
      for (const { id } of gates) await assert.rejects(store.getGate(id), NotFound);
      assert.deepEqual(await store.getArtifact(kept.id), { ...kept, run_id: null });
      assert.deepEqual((await store.listRuns(parent.id, all)).items, [other]);
      const kinds = (await store.listEvents({ taskId: parent.id }, all)).items.map(({ kind }) => kind);
      assert.deepEqual(kinds.slice(-4).sort(), ["artifact.updated", "gate.deleted", "gate.deleted", "run.deleted"]);
      assert.equal(kinds.at(-1), "run.deleted");
      assert.equal((await store.derivedStatus(parent.id)).status_derived, "completed");
    });
  });

  describe("idempotency keys", () => {
    it("make a repeated request answer as the first, and do nothing", async () => {
      const key = keyed(randomUUID());
      const first = await store.createTask(aTask(), key);
      assert.equal(first.replayed, false);
      await store.updateTask(first.entity.id, { title: "moved on" }, context);
      const before = await counts();
      assert.deepEqual(await store.createTask(aTask(), key), { ...first, replayed: true });
      assert.deepEqual(await counts(), before);
    });

    it("hold for every kind of write, also where the repeated one alone would fail", async () => {
      const { id } = await makeTask();
      const itsRun = await makeRun({ id } as Task);
      const version = (await store.getTask(id)).updated_at;
      const given = randomUUID();
      const writes = [
        (key: object) => store.createTask(aTask({ id: given }), { ...context, ...key }),
        (key: object) => store.updateTask(id, { title: "once" }, { ...context, version, ...key }),
        (key: object) => store.addNote(id, { text: "once" }, { ...context, ...key }),
        (key: object) =>
          store.publishReport(newReport.parse({ title: "r", claims: [`task_id:${id}`] }), { ...context, ...key }),
        (key: object) => store.deleteRun(itsRun.id, { ...context, ...key }),
      ];
      for (const write of writes) {
        const key = keyed(randomUUID());
        const first = await write(key);
        const before = await counts();
        assert.deepEqual(await write(key), { ...first, replayed: true }, String(write));
        assert.deepEqual(await counts(), before);
      }
    });

    it("with another request are refused, and leave nothing", async () => {
      const key = randomUUID();
      const { id } = (await store.createTask(aTask(), keyed(key))).entity;
      const before = await counts();
      await assert.rejects(store.createTask(aTask({ title: "b" }), keyed(key, "other")), IdempotencyMismatch);
      await assert.rejects(store.createTask(aTask({ id }), keyed(key, "other")), IdempotencyMismatch);
      await assert.rejects(store.deleteRun(randomUUID(), keyed(key, "other")), IdempotencyMismatch);
      assert.deepEqual(await counts(), before);
    });

    it("are not used up by a request that failed", async () => {
      const key = keyed(randomUUID());
      const id = randomUUID();
      await assert.rejects(store.createRun(id, newRun.parse({}), key), NotFound);
      await makeTask({ id });
      assert.equal((await store.createRun(id, newRun.parse({}), key)).replayed, false);
    });

    it("let one of ten at once through", async () => {
      const key = keyed(randomUUID());
      const answers = await Promise.all(Array.from({ length: 10 }, () => store.createTask(aTask(), key)));
      assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
      assert.equal(new Set(answers.map(({ entity }) => entity.id)).size, 1);
    });
  });

  describe("lists", () => {
    const walk = async <T>(list: (cursor?: string) => Promise<Page<T>>): Promise<T[]> => {
      const items: T[] = [];
      let cursor: string | undefined;
      do {
        const found = await list(cursor);
        items.push(...found.items);
        cursor = found.next ?? undefined;
      } while (cursor !== undefined);
      return items;
    };

    it("have every row once, in one order, whatever the size of a page", async () => {
      const parent = await makeTask({ owner: "lists" });
      for (let n = 0; n < 7; n++) await makeRun(parent);
      const whole = (await store.listRuns(parent.id, all)).items;
      assert.equal(whole.length, 7);
      for (const limit of [1, 3, 7]) {
        assert.deepEqual(await walk((cursor) => store.listRuns(parent.id, { limit, cursor })), whole);
      }
      assert.equal((await store.listRuns(parent.id, { limit: 7 })).next, null);
      const events = await walk((cursor) => store.listEvents({ taskId: parent.id }, { limit: 3, cursor }));
      assert.deepEqual(
        events.map(({ seq }) => seq),
        [...new Set(events.map(({ seq }) => seq))].sort((a, b) => a - b),
      );
      assert.equal(events.length, 8);
      const tasks = await walk((cursor) => store.listTasks({}, { limit: 2, cursor }));
      const statuses = await walk((cursor) => store.listDerivedStatuses({ limit: 3, cursor }));
      assert.deepEqual(
        statuses.map(({ task_id }) => task_id),
        tasks.map(({ id }) => id),
      );
      for (const each of statuses) assert.deepEqual(derivedStatus.parse(each), each);
    });

    it("keep to their filter", async () => {
      const owner = randomUUID();
      const wanted = await makeTask({ owner, priority: "low", status: "failed", feature: "x" });
      await makeTask({ owner, priority: "high", status: "failed", feature: "x" });
      const filter = { owner, priority: "low", status: "failed", feature: "x" } as const;
      assert.deepEqual((await store.listTasks(filter, all)).items, [wanted]);
      const [last] = (await store.listEvents({ kind: "task.created", entityId: wanted.id }, all)).items;
      assert.equal((await store.listEvents({ entityId: wanted.id, after: last?.seq }, all)).items.length, 0);
    });

    it("refuse a cursor of another list, and what is none", async () => {
      const one = await makeTask();
      const two = await makeTask();
      for (let n = 0; n < 2; n++) await makeRun(one);
      const { next } = await store.listRuns(one.id, { limit: 1 });
      assert.ok(next);
      const forged = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
      const [list] = JSON.parse(Buffer.from(next, "base64url").toString()) as [string];
      for (const cursor of [next, "", "%", "bnVsbA", forged([]), forged([list, one.id])]) {
        await assert.rejects(store.listRuns(two.id, { limit: 1, cursor }), BadCursor, cursor);
      }
      for (const key of ["'; --", 1, null, { a: 1 }]) {
        await assert.rejects(store.listRuns(one.id, { limit: 1, cursor: forged([list, key]) }), BadCursor);
      }
    });
  });

  describe("derived status", () => {
    const derived = async (of: Task) => {
      const { status_derived, health_score } = await store.derivedStatus(of.id);
      return [status_derived, health_score];
    };

    it("follows the rules in their order", async () => {
      const one = await makeTask();
      assert.deepEqual(await derived(one), ["pending", 0]);
      const first = await makeRun(one, "cancelled");
      assert.deepEqual(await derived(one), ["blocked", 0]);
      await store.updateRun(first.id, { status: "completed" }, context);
      assert.deepEqual(await derived(one), ["completed", 1]);
      const second = await makeRun(one);
      assert.deepEqual(await derived(one), ["in_progress", 0.5]);
      await store.updateRun(second.id, { status: "cancelled" }, context);
      assert.deepEqual(await derived(one), ["completed", 0.5]);
      const bad = (await store.createGate(second.id, aGate({ status: "fail" }), context)).entity;
      assert.deepEqual(await derived(one), ["blocked", 0.5]);
      await store.updateGate(bad.id, { status: "skipped" }, context);
      assert.deepEqual(await derived(one), ["completed", 0.5]);
      await makeRun(one, "failed");
      await makeRun(one, "running");
      assert.deepEqual(await derived(one), ["failed", 0.25]);
    });

    it("shows the stored one beside it", async () => {
      const one = await makeTask({ status: "cancelled" });
      assert.equal((await store.derivedStatus(one.id)).stored_status, "cancelled");
      await store.updateTask(one.id, { status: "retracted" }, context);
      assert.equal((await store.derivedStatus(one.id)).stored_status, "retracted");
    });
  });

  describe("reports", () => {
    it("say of each claim how it stood", async () => {
      const one = await makeTask({ status: "in_progress" });
      const itsRun = await makeRun(one, "failed");
      const sha256 = createHash("sha256").update(one.id).digest("hex");
      await store.createArtifact(one.id, newArtifact.parse({ path: "x", sha256, size_bytes: 1 }), context);
      const nobody = randomUUID();
      const claims = [
        `task_id:${one.id}`,
        `run_id:${itsRun.id}`,
        `artifact_hash:sha256:${sha256}`,
        `sha256:${"0".repeat(64)}`,
        `run_id:${nobody}`,
        `task_id:${itsRun.id}`,
      ];
      const { entity } = await store.publishReport(newReport.parse({ title: "r", claims }), context);
      assert.deepEqual(report.parse(await store.getReport(entity.id)), entity);
      assert.deepEqual(
        entity.claims_validated.map(({ result, status }) => [result, status]),
        [
          ["pass", "in_progress"],
          ["pass", "failed"],
          ["pass", null],
          ["fail", null],
          ["fail", null],
          ["fail", null],
        ],
      );
      await store.updateTask(one.id, { status: "failed" }, context);
      const then = await store.lastEvent(one.id, entity.verification_snapshot_ts);
      assert.equal(then?.payload.status, "in_progress");
    });

    it("published fifty at once have fifty timestamps, while their claims change", async () => {
      const one = await makeTask();
      const input = newReport.parse({ title: "r", claims: [`task_id:${one.id}`] });
      const changing = (async () => {
        for (let n = 0; n < 20; n++) await store.updateTask(one.id, { status: n % 2 ? "pending" : "failed" }, context);
      })();
      const published = await Promise.all(Array.from({ length: 50 }, () => store.publishReport(input, context)));
      await changing;
      assert.equal(new Set(published.map(({ entity }) => entity.verification_snapshot_ts)).size, 50);
      for (const { entity } of published) {
        const then = await store.lastEvent(one.id, entity.verification_snapshot_ts);
        assert.equal(then?.payload.status, entity.claims_validated[0]?.status);
      }
    }).timeout(60_000);
  });

  describe("upkeep", () => {
    it("can be asked for by several at once", async () => {
      const done = await Promise.all([store.maintain(), store.maintain(), store.maintain()]);
      assert.deepEqual(
        done.map(({ keysExpired }) => keysExpired),
        [0, 0, 0],
      );
    });

    it("says that it can be written to, and its schema", async () => {
      assert.deepEqual(await store.ready(), { writable: true, schema: "0003-events" });
    });
  });
}
