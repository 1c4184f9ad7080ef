import assert from "node:assert/strict";
import { baselineOf } from "../baseline/baseline";
import { compare } from "../baseline/compare";
import { makePlan } from "../plan";
import type { RunRecord } from "../record";
import { count, type Histogram } from "../series/histogram";
import type { RunSeries } from "../series/series";
import type { ProfileName } from "../table";
import { renderRunReport, type ReportedRun } from "./run";

const hostile = `a<img src=x onerror="alert(1)">`;

function reported(profile: ProfileName, seconds: number, ms: (second: number) => number): ReportedRun {
  const scenario = { name: hostile, purpose: "a test", service: "taskdb", script: "k6/x", rate: 10 };
  const plan = makePlan({
    run: "r1",
    environment: "local",
    profile,
    scenarios: [scenario],
    targets: { taskdb: { url: "http://127.0.0.1:1", ready: "/" } },
  });
  const intervals = Array.from({ length: seconds }, (_, at) => {
    const durations: Histogram = new Map();
    for (let each = 0; each < 10; each++) count(durations, ms(at));
    return { at, requests: 10, failed: 0, done: 10, dropped: 0, durations: [...durations] };
  });
  const series: RunSeries = { intervalSeconds: 1, started: 0, scenarios: { [hostile]: intervals } };
  const record: RunRecord = {
    run: hostile,
    stack: hostile,
    environment: "local",
    profile,
    seed: 1,
    durationScale: 1,
    seconds: plan.seconds,
    due: plan.due,
    k6: "1.8.1",
    commit: hostile,
    machine: hostile,
    images: [{ namespace: "apps", container: hostile, image: hostile, digest: "sha256:1" }],
    started: "2026-11-27T00:00:00.000Z",
    ended: "2026-11-27T00:01:00.000Z",
    interrupted: false,
    code: 0,
    measured: { [hostile]: { median: 5, p95: 40, errors: 0, rate: 10 } },
    results: [
      {
        scenario: hostile,
        metric: "http_req_duration{x}",
        expression: "p(95)<200",
        value: 150,
        limit: 200,
        margin: 0.25,
        state: "ok",
      },
      { scenario: hostile, metric: "checks{x}", expression: "rate>0.999", limit: 0.999, state: "unknown" },
    ],
  };
  return { record, plan, series };
}

describe("the report of a run of load", () => {
  it("shows value, threshold and margin, and says what has no data", () => {
    const text = renderRunReport(reported("baseline", 20, () => 10));
    assert.match(text, /<td>http_req_duration p\(95\)&lt;200<\/td><td>150<\/td><td>25 %<\/td>/);
    assert.match(text, /<td>no data<\/td><td><\/td><td><span class="badge open">unknown/);
    assert.match(text, /None was chosen/);
    assert.equal(text.match(/<svg /g)?.length, 4);
  });

  it("lets nothing of a run into the page as markup, and asks for nothing from elsewhere", () => {
    const run = reported("stress", 265, (second) => (second > 130 ? 400 : 10));
    const text = renderRunReport({ ...run, errors: [hostile] });
    assert.doesNotMatch(text, /<img|onerror="/);
    assert.doesNotMatch(text, /<script|<link|url\(|(?:src|href)=["']/);
  });

  it("shows the change against a baseline, and what the noise of that is", () => {
    const run = reported("baseline", 20, () => 10);
    const repeats = [40, 42, 44].map((p95, index) => ({
      ...run.record,
      run: `r${index}`,
      measured: { [hostile]: { median: 5, p95, errors: 0, rate: 10 } },
    }));
    const baseline = baselineOf(repeats);
    const record = { ...run.record, measured: { [hostile]: { median: 5, p95: 90, errors: 0, rate: 10 } } };
    const text = renderRunReport({ ...run, record, against: { baseline, compared: compare(baseline, record) } });
    assert.match(
      text,
      /<td>p95<\/td><td>42 ms<\/td><td>4 ms<\/td><td>90 ms<\/td><td>\+48 ms<\/td><td>8 ms<\/td><td><span class="badge bad">worse/,
    );
  });

  it("names the knee of a load that goes to the limit, and what was lost there", () => {
    const text = renderRunReport(reported("stress", 265, (second) => (second > 40 ? 400 : 10)));
    assert.match(text, /the last load that was kept<\/dt><dd>10 iterations\/s \(0 to 40 s\)/);
    assert.match(text, /the first that was not<\/dt><dd>20 iterations\/s \(45 to 85 s\)/);
    assert.match(text, /: P95 \d+ ms, its objective is below 200 ms/);
    assert.doesNotMatch(renderRunReport(reported("baseline", 20, () => 10)), /<h2>Knee/);
  });

  it("stands without anything measured over time", () => {
    const { record, plan } = reported("stress", 1, () => 1);
    assert.match(renderRunReport({ record, plan }), /no load step was measured to its end/);
  });
});
