import assert from "node:assert/strict";
import type { RunSeries } from "../../loadtests/series/series";
import { budgetOf, burnByMinute, burnOf } from "./burn";

const intervals = (from: number, count: number, requests: number, failed: number) =>
  Array.from({ length: count }, (_, index) => ({
    at: from + index,
    requests,
    failed,
    done: requests,
    dropped: 0,
    durations: [],
  }));

describe("the burn of an error budget by a load", () => {
  const budget = budgetOf("taskdb-availability", "local");

  it("is a multiple of what the table allows for", () => {
    assert.equal(budget.share, 0.001);
    assert.equal(burnOf({ requests: 6000, failed: 60 }, budget), 10);
    assert.equal(burnOf({ requests: 6000, failed: 0 }, budget), 0);
  });

  it("is not known where nothing was sent", () => {
    assert.equal(burnOf({ requests: 0, failed: 0 }, budget), undefined);
  });

  it("is told by the minute, of the objective's service alone, an empty minute as unknown", () => {
    const series: RunSeries = {
      intervalSeconds: 1,
      started: 1000,
      scenarios: {
        "taskdb-read-task": [...intervals(0, 60, 10, 0), ...intervals(120, 60, 10, 1)],
        "taskdb-create-task": intervals(0, 60, 5, 0),
        "edge-front": intervals(0, 180, 100, 100),
      },
    };
    assert.deepEqual(
      burnByMinute(series, budget).map(({ from, requests, burn }) => [from, requests, burn]),
      [
        [0, 900, 0],
        [60, 0, undefined],
        [120, 600, 100],
      ],
    );
  });

  it("needs an objective that the environment is held to", () => {
    assert.throws(
      () => budgetOf("taskdb-response", "local"),
      /taskdb-response is no availability that local is held to/,
    );
  });
});
