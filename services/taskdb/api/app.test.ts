import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { TestApi } from "./testing/api";

describe("taskdb: the API", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.open();
  });
  after(() => api.close());

  const newTask = { title: "A task", policy_version: "1.1.0" };

  it("takes a task from its creation through runs and gates to its derived status", async () => {
    const created = await api.post("/tasks", { ...newTask, priority: "high", metadata: { team: "a" } });
    assert.equal(created.status, 201);
    const { id } = created.body;
    assert.equal(created.headers.location, `/api/v1/tasks/${id}`);
    assert.deepEqual((await api.get(`/tasks/${id}`)).body, created.body);
    assert.equal((await api.get(`/tasks/${id}/status`)).body.status_derived, "pending");

    const run = await api.post(`/tasks/${id}/runs`, { tool_calls: [{ tool: "grep" }], metrics: { ms: 12.5 } });
    assert.equal((await api.get(`/tasks/${id}/status`)).body.status_derived, "in_progress");
    const gate = await api.post(`/runs/${run.body.id}/gates`, { name: "lint", type: "lint", status: "fail" });
    await api.patch(`/runs/${run.body.id}`, { status: "completed" });
    const blocked = (await api.get(`/tasks/${id}/status`)).body;
    assert.deepEqual([blocked.status_derived, blocked.health_score], ["blocked", 1]);
    await api.patch(`/gates/${gate.body.id}`, { status: "pass" });
    assert.equal((await api.get(`/tasks/${id}/status`)).body.status_derived, "completed");

    assert.deepEqual((await api.get(`/tasks/${id}/runs`)).body.items[0]?.id, run.body.id);
    assert.deepEqual((await api.get(`/runs/${run.body.id}/gates`)).body.items[0]?.id, gate.body.id);
    const deleted = await api.send("DELETE", `/api/v1/runs/${run.body.id}`);
    assert.equal(deleted.body.status, "completed");
    assert.equal((await api.get(`/gates/${gate.body.id}`)).status, 404);
    const kinds = (await api.get(`/events?task_id=${id}`)).body.items.map(({ kind }) => kind);
    assert.deepEqual(kinds.slice(0, 5), ["task.created", "run.created", "gate.created", "run.updated", "gate.updated"]);
  });

  it("publishes reports whose snapshots differ, and keeps artifacts and notes", async () => {
    const task = await api.task();
    const sha256 = "ab".repeat(32);
    const artifact = await api.post(`/tasks/${task}/artifacts`, { path: "out/a.txt", sha256, size_bytes: 3 });
    assert.equal(artifact.status, 201);
    assert.deepEqual((await api.get(`/artifacts/${artifact.body.id}`)).body, artifact.body);
    assert.equal((await api.get(`/tasks/${task}/artifacts`)).body.items.length, 1);
    const note = await api.post(`/tasks/${task}/notes`, { text: "looked into it" });
    assert.equal(note.status, 201);
    assert.deepEqual((await api.send("GET", String(note.headers.location))).body.items[0], note.body);
    const claims = [`task_id:${task}`, `run_id:${randomUUID()}`, `sha256:${sha256}`];
    const [one, other] = await Promise.all(["r1", "r2"].map((title) => api.post("/reports", { title, claims })));
    assert.deepEqual(
      one?.body.claims_validated.map(({ result }) => result),
      ["pass", "fail", "pass"],
    );
    assert.notEqual(one?.body.verification_snapshot_ts, other?.body.verification_snapshot_ts);
    assert.deepEqual((await api.get(`/reports/${one?.body.id}`)).body, one?.body);
    const verified = await api.get(`/reports/${one?.body.id}/verification`);
    assert.deepEqual([verified.status, verified.body.passed + verified.body.failed], [200, claims.length]);
    const healthy = (await api.get("/doctor")).body.summary.system_health;
    assert.ok(["excellent", "degraded"].includes(healthy), healthy);
    const text = await api.metrics.registry.metrics();
    assert.match(text, /taskdb_provenance_verification_latency_ms_count 1/);
    assert.match(text, /taskdb_doctor_checks_total\{status="pass"\} [1-9]/);
    assert.ok((await api.get("/reports")).body.items.length >= 2);
    assert.ok((await api.get("/statistics")).body.total_reports >= 2);
    assert.ok((await api.get("/statuses")).body.items.length >= 1);
  });

  it("gives each row once over the pages of a list, and refuses a cursor of another list", async () => {
    const owner = randomUUID();
    const made = await Promise.all([1, 2, 3, 4, 5].map(() => api.post("/tasks", { ...newTask, owner })));
    const seen: string[] = [];
    let next = "";
    do {
      const page = await api.get(`/tasks?owner=${owner}&limit=2${next && `&cursor=${encodeURIComponent(next)}`}`);
      assert.equal(page.status, 200);
      seen.push(...page.body.items.map(({ id }) => id));
      next = page.body.next;
      if (next)
        assert.equal(
          (await api.get(`/reports?cursor=${encodeURIComponent(next)}`)).body.type,
          "urn:taskdb:problem:bad-cursor",
        );
    } while (next);
    assert.deepEqual(seen.sort(), made.map(({ body }) => body.id).sort());
  });

  it("changes a row only at the version that the change was made for", async () => {
    const id = await api.task();
    const read = await api.get(`/tasks/${id}`);
    const etag = String(read.headers.etag);
    assert.equal(etag, `"${read.body.updated_at}"`);
    assert.equal((await api.get(`/tasks/${id}`, { "if-none-match": etag })).status, 304);
    const changed = await api.patch(`/tasks/${id}`, { title: "Changed" }, { "if-match": etag });
    assert.equal(changed.status, 200);
    assert.notEqual(changed.headers.etag, etag);
    for (const stale of [etag, `W/${String(changed.headers.etag)}`, '"2026-13-77T99:99:99.000000Z"', '"x", "y"']) {
      const refused = await api.patch(`/tasks/${id}`, { title: "Lost update" }, { "if-match": stale });
      assert.deepEqual([refused.status, refused.body.type], [412, "urn:taskdb:problem:stale-version"], stale);
    }
    assert.equal((await api.get(`/tasks/${id}`)).body.title, "Changed");
    const list = await api.patch(
      `/tasks/${id}`,
      { title: "Again" },
      { "if-match": `"x", ${String(changed.headers.etag)}` },
    );
    assert.equal(list.status, 200);
    assert.equal((await api.patch(`/tasks/${id}`, { title: "Any" }, { "if-match": "*" })).status, 200);
    assert.equal((await api.patch(`/tasks/${id}`, { title: "?" }, { "if-match": "no quotes" })).status, 400);
  });

  it("does a write under an idempotency key once", async () => {
    const headers = { "idempotency-key": randomUUID() };
    const first = await api.post("/tasks", newTask, headers);
    const before = await api.counts();
    const again = await api.post("/tasks", newTask, headers);
    assert.deepEqual([again.status, again.body], [201, first.body]);
    assert.equal(again.headers["idempotency-replayed"], "true");
    const other = await api.post("/tasks", { ...newTask, title: "Another" }, headers);
    assert.deepEqual([other.status, other.body.type], [422, "urn:taskdb:problem:idempotency-mismatch"]);
    assert.deepEqual(await api.counts(), before);
    const id = first.body.id;
    const deleteHeaders = { "idempotency-key": randomUUID() };
    const run = await api.post(`/tasks/${id}/runs`, {});
    for (const expected of [undefined, "true"]) {
      const deleted = await api.send("DELETE", `/api/v1/runs/${run.body.id}`, { headers: deleteHeaders });
      assert.deepEqual([deleted.status, deleted.headers["idempotency-replayed"]], [200, expected]);
    }
    const bad = await api.post("/tasks", newTask, { "idempotency-key": "two words" });
    assert.equal(bad.status, 400);
  });

  it("takes a sane request id, makes one for any other, and keeps it with the event", async () => {
    const own = await api.post("/tasks", newTask, { "x-request-id": "trace-1:a" });
    assert.equal(own.headers["x-request-id"], "trace-1:a");
    const event = (await api.get(`/events?entity_id=${own.body.id}`)).body.items[0];
    assert.equal(event?.request_id, "trace-1:a");
    for (const bad of ["two words", "x".repeat(101), '"}{']) {
      const { headers } = await api.get("/statistics", { "x-request-id": bad });
      assert.match(String(headers["x-request-id"]), /^[0-9a-f-]{36}$/);
    }
  });

  it("answers probes, and names its paths", async () => {
    assert.deepEqual((await api.send("GET", "/livez")).body, { status: "ok" });
    const ready = await api.send("GET", "/readyz");
    assert.deepEqual([ready.status, ready.body.status, ready.body.backend], [200, "ready", "sqlite"]);
    assert.ok((await api.send("GET", "/openapi.json")).body.paths["/api/v1/tasks/{id}/status"]?.get);
    const none = await api.get("/nothing");
    assert.deepEqual([none.status, none.body.type], [404, "urn:taskdb:problem:no-route"]);
    const method = await api.send("PUT", `/api/v1/tasks/${randomUUID()}`);
    assert.deepEqual([method.status, method.headers.allow], [405, "GET, HEAD, PATCH"]);
  });

  it("counts requests by route, reads of a status by their time", async () => {
    await api.get(`/tasks/${await api.task()}/status`);
    const text = await api.metrics.registry.metrics();
    assert.match(
      text,
      /http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/tasks\/:id\/status",status="200"\} [1-9]/,
    );
    assert.match(text, /taskdb_status_derived_read_latency_ms_count [1-9]/);
    assert.match(text, /taskdb_concurrent_writers_total 0/);
    assert.match(text, /taskdb_doctor_checks_total\{status="fail"\} \d/);
  });
});
