import assert from "node:assert/strict";
import { type Figure, median, ratio, reached } from "./figure";
import { type Measured, updated } from "./report";

const FIGURE: Figure = {
  name: "up of 300",
  runs: [3, 1, 2],
  unit: "s",
  peer: { name: "kubectl", runs: [1] },
  target: { of: "ratio", most: 3 },
};
const measured = (figure: Figure, date = "2026-11-22"): Measured => ({
  figure,
  command: "npm run bench",
  machine: "2 × Fast",
  date,
});

describe("benchmarks", () => {
  it("takes the median, of an even number too", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.throws(() => median([]), /at least one run/);
  });

  it("judges a target by the median, the largest run or the ratio", () => {
    assert.equal(ratio(FIGURE), 2);
    assert.equal(reached(FIGURE), true);
    assert.equal(reached({ ...FIGURE, target: { of: "median", most: 2 } }), true);
    assert.equal(reached({ ...FIGURE, target: { of: "maximum", most: 2 } }), false);
    assert.equal(reached({ name: "x", runs: [1], unit: "s" }), undefined);
    assert.throws(() => reached({ name: "x", runs: [1], unit: "s", target: { of: "ratio", most: 1 } }), /needs a peer/);
  });

  it("writes a page, and only the rows that were measured again", () => {
    const first = updated(undefined, [
      measured(FIGURE),
      measured({ name: "up of 300, again", runs: [1], unit: "s", remark: "no peer" }),
    ]);
    const row =
      "| up of 300 | 2 s | 3, 1, 2 | ratio ≤ 3× | yes | kubectl: 1 s | 2.00× | `npm run bench` | 2 × Fast | 2026-11-22 |";
    assert.ok(first.includes(row), first);
    assert.ok(first.includes("| up of 300, again (no peer) | 1 s | 1 |"));
    const second = updated(first, [measured({ ...FIGURE, runs: [9, 9, 9] }, "2026-11-23")]);
    assert.equal(second.split("\n").length, first.split("\n").length);
    assert.ok(second.includes("| up of 300 | 9 s | 9, 9, 9 | ratio ≤ 3× | **no** |"));
    assert.ok(second.includes("| up of 300, again (no peer) |"));
  });

  it("draws what was measured at three sizes or more, smallest first", () => {
    const at = (size: number, value: number) => measured({ name: `check, of ${size}`, runs: [value], unit: "ms" });
    assert.doesNotMatch(updated(undefined, [at(1, 1), at(2, 2)]), /xychart/);
    const page = updated(undefined, [at(500, 3), at(20, 1), at(1000, 4)]);
    assert.match(
      page,
      /title "check"\n {2}x-axis \[20, 500, 1000\]\n {2}y-axis "ms" 0 --> 4.8\n {2}line \[1, 3, 4\]\n/,
    );
    assert.equal(updated(page, []), page);
  });
});
