import assert from "node:assert/strict";
import * as fc from "fast-check";
import { SeriesCollector } from "./collect";
import { count, merged, quantile, QUANTILE_ERROR, type Histogram } from "./histogram";
import { intervalFor, lengthOf, spanOf } from "./series";

const histogramOf = (values: readonly number[]): Histogram => {
  const histogram: Histogram = new Map();
  for (const value of values) count(histogram, value);
  return histogram;
};

const durations = fc.array(fc.double({ min: 0.01, max: 60_000, noNaN: true }), { minLength: 1, maxLength: 300 });

describe("durations in buckets", () => {
  it("give a quantile within the buckets' width of the exact one", () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0.5, 0.9, 0.95, 0.99), (values, share) => {
        const exact = values.toSorted((left, right) => left - right)[Math.ceil(share * values.length) - 1] ?? 0;
        const found = quantile(histogramOf(values), share) ?? 0;
        assert.ok(Math.abs(found - exact) <= exact * QUANTILE_ERROR, `${found} for ${exact}`);
      }),
    );
  });

  it("give the same put together from parts as counted at once", () => {
    fc.assert(
      fc.property(durations, durations, (left, right) => {
        const parts = merged([histogramOf(left), histogramOf(right)]);
        assert.equal(quantile(parts, 0.95), quantile(histogramOf([...left, ...right]), 0.95));
      }),
    );
  });

  it("have no quantile where nothing was counted", () => assert.equal(quantile(new Map(), 0.95), undefined));
});

describe("the series of a run", () => {
  const header = "metric_name,timestamp,metric_value,check,expected_response,name,scenario,status";
  const collected = (lines: readonly string[], seconds = 1) => {
    const collector = new SeriesCollector(seconds);
    [header, ...lines].forEach((line) => collector.line(line));
    return collector.result();
  };

  it("are added up by scenario and second, whatever stands in the cells between", () => {
    const series = collected([
      "http_req_duration,1000700,3.5,,true,::setup,,200",
      "http_req_duration,1001700,10,,true,GET /,a,200",
      'http_req_duration,1001700,20,,false,"GET ""x"", y",a,500',
      "http_req_waiting,1001700,20,,false,GET /,a,500",
      "iterations,1002650,1,,,,a,",
      "iterations,1003700,1,,,,a,",
      "dropped_iterations,1003700,4,,,,b,",
    ]);
    assert.ok(series);
    assert.deepEqual([series.started, lengthOf(series)], [1001.7, 3]);
    const [first, last] = series.scenarios["a"] ?? [];
    assert.deepEqual([first?.requests, first?.failed, first?.done, last?.at, last?.done], [2, 1, 1, 2, 1]);
    assert.equal(series.scenarios["b"]?.[0]?.dropped, 4);
    const { p95, requests } = spanOf(series.scenarios["a"] ?? []);
    assert.equal(requests, 2);
    assert.ok(Math.abs((p95 ?? 0) - 20) < 0.4, `p95 ${p95}`);
  });

  it("tell of the last seconds while they grow, once there were so many", () => {
    const collector = new SeriesCollector(1);
    const add = (second: number, scenario: string, expected: boolean) =>
      collector.line(`http_req_duration,${second * 1000},1,,${expected},GET /,${scenario},200`);
    collector.line(header);
    assert.equal(collector.recent(1, ["a"]), undefined);
    add(1000, "a", false);
    add(1001, "b", false);
    add(1002, "a", true);
    assert.equal(collector.recent(4, ["a"]), undefined);
    assert.deepEqual(collector.recent(3, ["a"]), { requests: 2, failed: 1 });
    assert.deepEqual(collector.recent(2, ["a", "b"]), { requests: 2, failed: 1 });
    assert.deepEqual(collector.recent(1, ["b"]), { requests: 0, failed: 0 });
  });

  it("are nothing where nothing was sent, and refuse another form of CSV", () => {
    assert.equal(collected(["http_req_duration,1000700,3.5,,true,::setup,,200"]), undefined);
    assert.throws(() => new SeriesCollector(1).line("metric,time"), /no column metric_name/);
  });

  it("stay small however long the run is", () => {
    assert.equal(intervalFor(200), 1);
    assert.equal(intervalFor(7260), 13);
  });
});
