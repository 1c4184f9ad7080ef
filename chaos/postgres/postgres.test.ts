import assert from "node:assert/strict";
import { audit, total } from "./audit";
import type { Sample } from "./primaries";
import { overlapSeconds } from "./primaries";

describe("the audit of writes", () => {
  const ledger = { acknowledged: [1, 2, 3], failed: [4], indeterminate: [5, 6] };

  it("passes when every acknowledged write is there once, whatever became of the unanswered", () => {
    const { lost, duplicated, resurrected } = audit(ledger, [1, 2, 3, 5]);
    assert.deepEqual([lost, duplicated, resurrected], [[], [], []]);
  });

  it("finds a seeded loss", () => assert.deepEqual(audit(ledger, [1, 3]).lost, [2]));

  it("finds a seeded duplicate", () => assert.deepEqual(audit(ledger, [1, 2, 2, 3]).duplicated, [2]));

  it("adds up", () => {
    const sum = total([audit(ledger, [1, 3]), audit({ acknowledged: [7], failed: [], indeterminate: [] }, [])]);
    assert.deepEqual([sum.acknowledged, sum.failed, sum.indeterminate, sum.lost], [4, 1, 2, [2, 7]]);
  });

  it("finds a refused write that is there", () => assert.deepEqual(audit(ledger, [1, 2, 3, 4]).resurrected, [4]));
});

describe("the watch for two primaries", () => {
  const sample = (member: string, at: number, writable: boolean): Sample => ({
    member,
    begin: at,
    end: at + 0.01,
    writable,
  });

  it("finds none when one follows the other", () => {
    assert.equal(
      overlapSeconds([
        sample("a", 0, true),
        sample("a", 1, true),
        sample("a", 1.1, false),
        sample("b", 1.2, true),
        sample("b", 2, true),
      ]),
      0,
    );
  });

  it("finds two at once, for as long as the old one went on", () => {
    const samples = [
      sample("a", 0, true),
      sample("b", 1, true),
      sample("a", 2, true),
      sample("b", 3, true),
      sample("a", 4, false),
    ];
    assert.ok(Math.abs(overlapSeconds(samples) - 1) < 0.001);
  });

  it("does not count a member twice that is primary, steps down and is primary again", () => {
    const samples = [
      sample("a", 0, true),
      sample("a", 1, false),
      sample("b", 2, true),
      sample("b", 3, false),
      sample("a", 4, true),
    ];
    assert.equal(overlapSeconds(samples), 0);
  });
});
