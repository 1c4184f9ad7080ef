import assert from "node:assert/strict";
import { budgetOf, burnByMinute, burnOver } from "./burn";

const spell = (from: number, count: number, requests: number, failed: number) =>
  Array.from({ length: count }, (_, index) => ({ at: from + index, requests, failed }));

describe("the burn of an error budget by a load", () => {
  const budget = budgetOf("taskdb-availability", "local");

  it("is a multiple of what the table allows for", () => {
    assert.equal(budget, 0.001);
    assert.equal(burnOver(spell(0, 60, 100, 1), 60, budget), 10);
    assert.equal(burnOver(spell(0, 60, 100, 0), 60, budget), 0);
  });

  it("looks at the last seconds only", () => {
    const seconds = [...spell(0, 30, 100, 100), ...spell(30, 10, 100, 0)];
    assert.equal(burnOver(seconds, 10, budget), 0);
    assert.equal(Math.round(burnOver(seconds, 20, budget) ?? 0), 500);
  });

  it("is not known of too short a time, nor where nothing was sent", () => {
    assert.equal(burnOver([], 10, budget), undefined);
    assert.equal(burnOver(spell(0, 9, 100, 100), 10, budget), undefined);
    assert.equal(burnOver(spell(0, 10, 0, 0), 10, budget), undefined);
  });

  it("is told by the minute, an empty one as unknown", () => {
    const seconds = [...spell(120, 60, 10, 0), ...spell(180, 60, 10, 1), ...spell(240, 60, 0, 0)];
    assert.deepEqual(
      burnByMinute(seconds, budget).map(({ at, requests, burn }) => [at, requests, burn]),
      [
        [120, 600, 0],
        [180, 600, 100],
        [240, 0, undefined],
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
