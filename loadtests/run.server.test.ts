import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "../local/progress";
import { findK6 } from "./k6/binary";
import { makePlan, type Plan } from "./plan";
import { runLoad, type Ran } from "./run";
import { spanOf, type RunSeries } from "./series/series";

describe("a load test by k6", function () {
  // k6 is built where it is not there.
  this.timeout(600_000);
  let k6: string;
  let server: Server;
  let url: string;
  let answer = { status: 200, waitMs: 0 };
  let folder: string;

  before(async () => {
    k6 = (await findK6(silent)).path;
    server = createServer((_request, response) => {
      setTimeout(() => response.writeHead(answer.status).end("{}"), answer.waitMs);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());
  beforeEach(async () => {
    answer = { status: 200, waitMs: 0 };
    folder = await mkdtemp(join(tmpdir(), "ballast-load-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function planOf(script: string, address = url): Plan {
    const scenario = { name: "edge-test", purpose: "a test", service: "edge", script: `testing/${script}`, rate: 100 };
    return makePlan({
      run: "test",
      environment: "local",
      profile: "smoke",
      scenarios: [scenario],
      targets: { edge: { url: address, ready: "/" } },
      durationScale: 0.15,
    });
  }
  const run = (plan: Plan, signal?: AbortSignal): Promise<Ran> =>
    runLoad({ plan, k6, folder, ...(signal && { signal }) });
  const states = ({ results }: Ran): Record<string, string> =>
    Object.fromEntries(results.map(({ metric, state }) => [metric.split("{")[0] ?? "", state]));

  it("passes where the objectives are kept, and keeps its plan and summary", async () => {
    const ran = await run(planOf("get"));
    assert.equal(ran.code, 0, ran.errors.join("\n"));
    assert.deepEqual(states(ran), { http_req_failed: "ok", checks: "ok", http_req_duration: "ok", iterations: "ok" });
    const p95 = ran.results.find(({ metric }) => metric.startsWith("http_req_duration"));
    assert.ok((p95?.value ?? 0) > 0 && (p95?.margin ?? 0) > 0, JSON.stringify(p95));
    assert.equal((JSON.parse(await readFile(join(folder, "plan.json"), "utf8")) as Plan).seed, 1);
  });

  it("keeps what happened second by second, and agrees with k6's own summary", async () => {
    const { series, summary, measured } = await run(planOf("get"));
    const tag = "{scenario:edge-test}";
    const whole = spanOf(series?.scenarios["edge-test"] ?? []);
    assert.equal(whole.requests, summary?.metrics[`http_reqs${tag}`]?.values["count"]);
    assert.equal(whole.done, summary?.metrics[`iterations${tag}`]?.values["count"]);
    const p95 = measured["edge-test"]?.p95 ?? 0;
    // Of few samples k6 interpolates between two; the buckets do not.
    assert.ok(Math.abs((whole.p95 ?? 0) - p95) <= Math.max(0.5, p95 * 0.25), `${whole.p95} beside ${p95}`);
    const kept = JSON.parse(await readFile(join(folder, "series.json"), "utf8")) as RunSeries;
    assert.deepEqual(kept, series);
  });

  it("fails with k6's code 99 where one is missed", async () => {
    answer = { status: 200, waitMs: 260 };
    const ran = await run(planOf("get"));
    assert.equal(ran.code, 99);
    assert.equal(states(ran)["http_req_duration"], "failed");
    assert.equal(states(ran)["http_req_failed"], "ok");
  });

  it("fails where k6 passes, since a metric has no data: that is unknown", async () => {
    const ran = await run(planOf("idle"));
    assert.equal(ran.k6Code, 0);
    assert.equal(ran.code, 99);
    assert.deepEqual(states(ran), {
      http_req_failed: "unknown",
      checks: "unknown",
      http_req_duration: "unknown",
      iterations: "ok",
    });
  });

  it("ends with 107 where the script throws, and says what it threw", async () => {
    const ran = await run(planOf("broken"));
    assert.equal(ran.code, 107);
    assert.match(ran.errors.join("\n"), /this script is broken/);
  });

  it("ends before any load, with 108 and the reason, where the target is not ready", async () => {
    answer = { status: 503, waitMs: 0 };
    const ran = await run(planOf("get"));
    assert.equal(ran.code, 108);
    assert.match(ran.errors.join("\n"), /edge at http.* is not ready: it answers 503/);
    assert.equal(states(ran)["http_req_duration"], "unknown");
  });

  it("ends before any load where the service has another schema", async () => {
    const plan = planOf("get");
    const ran = await run({ ...plan, targets: { edge: { url, ready: "/", schema: "0003-events" } } });
    assert.equal(ran.code, 108);
    assert.match(ran.errors.join("\n"), /the schema unknown, these scripts need 0003-events/);
  });

  it("takes a threshold that names no metric for an error", async () => {
    const plan = planOf("get");
    const thresholds = {
      ...plan.options.thresholds,
      http_req_duratoin: [{ threshold: "p(95)<1", abortOnFail: false }],
    };
    const ran = await run({ ...plan, options: { ...plan.options, thresholds } });
    assert.equal(ran.code, 104);
    assert.match(ran.errors.join("\n"), /http_req_duratoin/);
  });

  it("ends in order when it is interrupted, with what was measured until then", async () => {
    const controller = new AbortController();
    const plan = planOf("get");
    let seen = 0;
    server.on("request", () => ++seen === 10 && controller.abort());
    const ran = await run(plan, controller.signal);
    assert.equal(ran.k6Code, 105);
    assert.ok(ran.summary, "no summary");
  });
});
