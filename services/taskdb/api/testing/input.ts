import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { TestApi } from "./api";

/** Each bad input: a clear answer, and nothing written. */
export function refusesBadInput(open: () => Promise<TestApi>): void {
  let api: TestApi;
  let task: string;
  let run: string;
  before(async () => {
    api = await open();
    task = await api.task();
    run = (await api.post(`/tasks/${task}/runs`, {})).body.id;
  });
  after(() => api.close());

  const newTask = { title: "A task", policy_version: "1.1.0" };
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);

  const cases: readonly [name: string, path: () => string, body: object | string, field: string, expected: RegExp][] = [
    ["an id that is none", () => "/tasks", { ...newTask, id: "17" }, "body.id", /UUID/],
    ["a status that is none", () => "/tasks", { ...newTask, status: "done" }, "body.status", /"in_progress"/],
    ["a priority that is none", () => "/tasks", { ...newTask, priority: "urgent" }, "body.priority", /"critical"/],
    ["an unknown field", () => "/tasks", { ...newTask, colour: "red" }, "body", /unknown field colour/],
    ["a field that is missing", () => "/tasks", { title: "A" }, "body.policy_version", /string/],
    ["a title that is too long", () => "/tasks", { ...newTask, title: "x".repeat(256) }, "body.title", /255/],
    ["a list for an object", () => "/tasks", { ...newTask, metadata: [1] }, "body.metadata", /record|object/],
    ["a number for a text", () => "/tasks", { ...newTask, title: 7 }, "body.title", /string/],
    ["a list for the body", () => "/tasks", [newTask], "body", /object/],
    ["U+0000 in a text", () => "/tasks", { ...newTask, title: "a\0b" }, "body.title", /U\+0000/],
    ["U+0000 in a document", () => "/tasks", { ...newTask, metadata: { "a\0": 1 } }, "body.metadata", /U\+0000/],
    ["half a surrogate pair", () => "/tasks", '{"title":"\\ud800","policy_version":"1"}', "body.title", /surrogate/],
    [
      "half a pair in a document",
      () => "/tasks",
      '{"title":"a","policy_version":"1","metadata":{"a":["\\udc00"]}}',
      "body.metadata",
      /surrogate/,
    ],
    [
      "a number beyond all",
      () => "/tasks",
      '{"title":"a","policy_version":"1","metadata":{"a":1e400}}',
      "body.metadata",
      /1\.8e308/,
    ],
    [
      "a document too deep",
      () => "/tasks",
      `{"title":"a","policy_version":"1","dependencies":${nested(33)}}`,
      "body.dependencies",
      /at most 32/,
    ],
    ["a run's status that is none", () => `/tasks/${task}/runs`, { status: "done" }, "body.status", /"running"/],
    ["a gate's type that is none", () => `/runs/${run}/gates`, { name: "g", type: "style" }, "body.type", /"lint"/],
    [
      "a path that leaves the folder",
      () => `/tasks/${task}/artifacts`,
      { path: "a/../../b", sha256: "a".repeat(64), size_bytes: 1 },
      "body.path",
      /below/,
    ],
    [
      "a hash that is none",
      () => `/tasks/${task}/artifacts`,
      { path: "a", sha256: "abc", size_bytes: 1 },
      "body.sha256",
      /64/,
    ],
    ["a claim of no kind", () => "/reports", { title: "r", claims: ["user:1"] }, "body.claims.0", /task_id:<uuid>/],
  ];
  for (const [name, path, body, field, expected] of cases) {
    it(`refuses ${name}, and says what is right`, async () => {
      const before = await api.counts();
      const { status, body: problem, headers } = await api.post(path(), body);
      assert.equal(status, 400, JSON.stringify(problem));
      assert.match(String(headers["content-type"]), /^application\/problem\+json/);
      assert.equal(problem.errors[0].field, field);
      assert.match(problem.errors[0].expected, expected);
      assert.ok(problem.errors[0].value.length <= 100);
      assert.deepEqual(await api.counts(), before);
    });
  }

  it("refuses ids, filters and pages of paths that are none", async () => {
    for (const path of [
      "/tasks/17",
      "/tasks/%00",
      "/tasks/'%20OR%201=1",
      "/tasks?limit=0",
      "/tasks?limit=501",
      "/tasks?limit=",
      "/tasks?colour=red",
      "/tasks?status=done",
      "/tasks?owner=a%00b",
      "/tasks?owner=a&owner=b",
      "/events?after=-1",
      "/events?task_id=17",
    ]) {
      const { status, body } = await api.get(path);
      assert.deepEqual([path, status, body.type], [path, 400, "urn:taskdb:problem:invalid"]);
    }
    for (const cursor of ["x", "%F0%9F%98%80", "..."]) {
      assert.equal((await api.get(`/tasks?cursor=${cursor}`)).body.type, "urn:taskdb:problem:bad-cursor");
    }
  });

  it("refuses what is no JSON, no object, too large or nested too deep, at once, and lives on", async () => {
    const before = await api.counts();
    const deep = nested(5_000_000);
    const large = await api.post("/tasks", deep);
    assert.deepEqual([large.status, large.body.type], [413, "urn:taskdb:problem:too-large"]);
    const within = await api.post("/tasks", `{"title":"a","policy_version":"1","metadata":{"a":${nested(500_000)}}}`);
    assert.equal(within.status, 400);
    assert.match(within.body.detail, /nested more than \d+ deep/);
    for (const body of ["{", "", "nul", '{"title":"a","policy_version":"1","metadata":{"__proto__":{}}}']) {
      assert.equal((await api.post("/tasks", body)).status, 400, body);
    }
    const text = await api.post("/tasks", "title=a", { "content-type": "application/x-www-form-urlencoded" });
    assert.deepEqual([text.status, text.body.type], [415, "urn:taskdb:problem:media-type"]);
    assert.deepEqual(await api.counts(), before);
    assert.equal((await api.send("GET", "/livez")).status, 200);
  });

  it("refuses what hangs on a thing that is not there", async () => {
    const before = await api.counts();
    const none = randomUUID();
    for (const [path, body] of [
      [`/runs/${none}/gates`, { name: "g", type: "lint" }],
      [`/tasks/${none}/runs`, {}],
      [`/tasks/${none}/artifacts`, { path: "a", sha256: "a".repeat(64), size_bytes: 1 }],
      [`/tasks/${none}/notes`, { text: "n" }],
    ] as const) {
      const { status, body: problem } = await api.post(path, body);
      assert.deepEqual([path, status, problem.type], [path, 404, "urn:taskdb:problem:not-found"]);
      assert.match(problem.detail, new RegExp(none));
    }
    assert.equal((await api.patch(`/tasks/${none}`, { title: "x" })).status, 404);
    assert.equal((await api.send("DELETE", `/api/v1/runs/${none}`)).status, 404);
    assert.equal((await api.get(`/tasks/${none}/status`)).status, 404);
    assert.equal((await api.get(`/tasks/${none}/runs`)).status, 404);
    assert.deepEqual(await api.counts(), before);
  });

  it("refuses an id that is taken, and a change of nothing", async () => {
    const before = await api.counts();
    const taken = await api.post("/tasks", { ...newTask, id: task });
    assert.deepEqual([taken.status, taken.body.type], [409, "urn:taskdb:problem:already-exists"]);
    assert.equal((await api.patch(`/tasks/${task}`, {})).status, 400);
    assert.deepEqual(await api.counts(), before);
  });

  it("keeps SQL in every text as it was written", async () => {
    const evil = `'; DROP TABLE tasks; --" $1 \\ {"a":1} %s ''`;
    const short = "'; DROP TABLE x;--";
    const texts = { title: evil, description: evil, policy_version: short, feature: evil, owner: evil, summary: evil };
    const made = await api.post("/tasks", { ...texts, dependencies: [evil], metadata: { [evil]: evil } });
    assert.equal(made.status, 201);
    const read = (await api.get(`/tasks/${made.body.id}`)).body;
    for (const [field, value] of Object.entries(texts)) assert.equal(read[field], value);
    assert.deepEqual([read.dependencies, read.metadata], [[evil], { [evil]: evil }]);
    const found = await api.get(`/tasks?owner=${encodeURIComponent(evil)}&feature=${encodeURIComponent(evil)}`);
    assert.deepEqual(
      found.body.items.map(({ id }) => id),
      [made.body.id],
    );
    const gate = await api.post(`/runs/${run}/gates`, { name: evil, type: "lint", checks: [{ evil }] });
    assert.deepEqual([gate.body.name, gate.body.checks], [evil, [{ evil }]]);
    const note = await api.post(`/tasks/${task}/notes`, { text: evil });
    assert.equal(note.body.payload.text, evil);
    assert.equal(
      (await api.post(`/tasks/${task}/artifacts`, { path: evil, sha256: "a".repeat(64), size_bytes: 1 })).body.path,
      evil,
    );
    assert.equal((await api.post("/reports", { title: evil, claims: [`task_id:${task}`] })).body.title, evil);
    assert.deepEqual((await api.get(`/events?kind=${encodeURIComponent(short)}`)).body.items, []);
    const key = { "idempotency-key": "';DROP/**/TABLE/**/idempotency_keys;--" };
    assert.equal((await api.post("/tasks", newTask, key)).status, 201);
    assert.equal((await api.post("/tasks", newTask, key)).headers["idempotency-replayed"], "true");
  });
}
