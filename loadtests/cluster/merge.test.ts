import assert from "node:assert/strict";
import * as fc from "fast-check";
import { makePlan, type Plan } from "../plan";
import { SeriesCollector } from "../series/collect";
import { QUANTILE_ERROR } from "../series/histogram";
import { judge, type Summary } from "../verdict";
import { segmentOf } from "../k6/shared/segment";
import { summaryLines } from "../k6/shared/summary";
import { mergeSummaries } from "./merge";
import { codeOf, errorsOf } from "./run";
import { ShardLog } from "./shardLog";

const scenario = "edge-test";
const tagged = (metric: string) => `${metric}{scenario:${scenario}}`;
const duration = tagged("http_req_duration");
const plan = (abortOnMiss = false): Plan =>
  makePlan(
    {
      run: "test",
      environment: "local",
      profile: "baseline",
      scenarios: [{ name: scenario, purpose: "a test", service: "edge", script: "testing/get", rate: 10 }],
      targets: { edge: { url: "http://web.shop.svc:80", ready: "/" } },
    },
    { profile: { purpose: "a test", judge: "objectives", abortOnMiss, start: 1, stages: [{ seconds: 10, to: 1 }] } },
  );

/** What k6 would say of so many requests, of which the first so many failed. */
function summaryOf(durations: readonly number[], failed = 0): Summary {
  const count = durations.length;
  const avg = count === 0 ? 0 : durations.reduce((sum, each) => sum + each, 0) / count;
  const [min, max] = count === 0 ? [0, 0] : [Math.min(...durations), Math.max(...durations)];
  const trend = { count, avg, min, max, med: avg, "p(95)": max };
  return {
    metrics: {
      [duration]: { type: "trend", values: trend },
      [tagged("http_req_failed")]: { type: "rate", values: { rate: 0, passes: failed, fails: count - failed } },
      [tagged("checks")]: { type: "rate", values: { rate: 1, passes: count, fails: 0 } },
      [tagged("iterations")]: { type: "counter", values: { count, rate: count / 10 } },
    },
  };
}

const header = "metric_name,timestamp,metric_value,expected_response,scenario";
/** The same samples as a log, through the way that the real ones go. */
function seriesOf(shards: readonly (readonly number[])[]) {
  const collector = new SeriesCollector(1);
  for (const durations of shards) {
    const log = new ShardLog((line) => collector.line(line));
    [header, ...durations.map((ms) => `http_req_duration,1000000,${ms},true,${scenario}`)].forEach((line) =>
      log.line(line),
    );
  }
  return collector.result();
}

const values = (summary: Summary, metric: string) => summary.metrics[metric]?.values ?? {};
const durations = fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 200 });

describe("the summaries of shards", () => {
  it("give together what one sender of the whole would have measured", () => {
    fc.assert(
      fc.property(durations, durations, (left, right) => {
        const { summary, incomplete } = mergeSummaries([summaryOf(left), summaryOf(right)], seriesOf([left, right]));
        assert.deepEqual(incomplete, []);
        const all = [...left, ...right].sort((one, other) => one - other);
        const exact = all[Math.ceil(0.95 * all.length) - 1] ?? 0;
        const found = values(summary, duration);
        assert.ok(Math.abs((found["p(95)"] ?? 0) - exact) <= exact * QUANTILE_ERROR, `${found["p(95)"]} for ${exact}`);
        assert.deepEqual([found["count"], found["min"], found["max"]], [all.length, all[0], all.at(-1)]);
        const mean = all.reduce((sum, each) => sum + each, 0) / all.length;
        assert.ok(Math.abs((found["avg"] ?? 0) - mean) <= mean * 1e-9);
        assert.equal(values(summary, tagged("iterations"))["count"], all.length);
      }),
    );
  });

  it("have shares by all that was sent, not by the mean of the shards", () => {
    const [left, right] = [new Array<number>(10).fill(1), new Array<number>(990).fill(1)];
    const { summary } = mergeSummaries([summaryOf(left, 10), summaryOf(right, 0)], seriesOf([left, right]));
    assert.deepEqual(values(summary, tagged("http_req_failed")), { passes: 10, fails: 990, rate: 0.01 });
  });

  it("are not pulled to zero by a shard that sent nothing", () => {
    const { summary } = mergeSummaries([summaryOf([5, 7]), summaryOf([])], seriesOf([[5, 7], []]));
    assert.equal(values(summary, duration)["min"], 5);
  });

  it("say nothing of quantiles where samples were lost or came twice, and that is no pass", () => {
    const sent = new Array<number>(100).fill(1);
    for (const arrived of [sent.slice(0, 90), [...sent, ...sent]]) {
      const { summary, incomplete } = mergeSummaries([summaryOf(sent)], seriesOf([arrived]));
      assert.deepEqual(incomplete, [scenario]);
      const state = judge(plan(), summary).find(({ metric }) => metric === duration)?.state;
      assert.equal(state, "unknown");
    }
  });
});

describe("the shards of a load", () => {
  it("have parts that are the whole, and none in two", () => {
    for (let shards = 1; shards <= 12; shards++) {
      const parts = Array.from({ length: shards }, (_, shard) => segmentOf(shard, shards));
      const ends = parts.map(({ executionSegment }) => executionSegment.split(":"));
      assert.equal(ends[0]?.[0], "0");
      assert.equal(ends.at(-1)?.[1], "1");
      ends.slice(1).forEach(([from], index) => assert.equal(from, ends[index]?.[1]));
      const sequence = ["0", ...ends.map(([, to]) => to)].join(",");
      for (const part of parts) assert.equal(part.executionSegmentSequence, sequence);
    }
    assert.throws(() => segmentOf(2, 2), /shard 2: must be a number from 0 to 1/);
    assert.throws(() => segmentOf(NaN, 2), /shard NaN/);
  });

  it("each have one log, which is taken apart", () => {
    const samples: string[] = [];
    const log = new ShardLog((line) => samples.push(line));
    const summary = { metrics: { x: { type: "counter", values: { count: 1 } } }, filler: "y".repeat(9000) };
    const lines = summaryLines(JSON.stringify(summary)).trimEnd().split("\n");
    assert.ok(lines.length > 2 && lines.every((line) => line.length < 4100));
    const [first = "", ...others] = lines;
    const said = 'time="2026-01-01T00:00:00Z" level=error msg="no route"';
    [header, "vus,1000,1,,", first, "vus,2000,1,,", said, ...others].forEach((line) => log.line(line));
    assert.deepEqual(samples, [header, "vus,1000,1,,", "vus,2000,1,,"]);
    assert.deepEqual(log.summary(), summary);
    assert.deepEqual([log.began, log.rest], [1000, [said]]);
  });

  it("have no summary where it was cut off", () => {
    const log = new ShardLog(() => undefined);
    log.line(summaryLines('{"metrics":{}}').trimEnd().slice(0, -2));
    assert.equal(log.summary(), undefined);
  });

  it("say the same error once", () => {
    const rest = (second: number, text: string) => [`time="2026-01-01T00:00:0${second}Z" level=error msg="${text}"`];
    const errors = errorsOf([{ rest: rest(1, "not ready") }, { rest: [...rest(2, "not ready"), ...rest(3, "other")] }]);
    assert.deepEqual(errors, ['shard 0, 1: level=error msg="not ready"', 'shard 1: level=error msg="other"']);
  });

  it("do not decide by a missed objective of one, unless the plan ends at the first", () => {
    assert.equal(codeOf([0, 99], plan(), false), 0);
    assert.equal(codeOf([105, 99], plan(true), false), 99);
  });

  it("end with the code of the one that failed, or as interrupted", () => {
    assert.equal(codeOf([105, 107], plan(), false), 107);
    assert.equal(codeOf([108, 108], plan(), true), 108);
    assert.equal(codeOf([0, 105], plan(), true), 105);
  });
});
