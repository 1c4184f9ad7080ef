import assert from "node:assert/strict";
import fc from "fast-check";
import { parseQuantity, UNIT } from "./quantity";

describe("quantity", () => {
  const cases: readonly [string | number, bigint][] = [
    ["0", 0n],
    ["4", 4n * UNIT],
    [2, 2n * UNIT],
    [0.5, UNIT / 2n],
    ["500m", UNIT / 2n],
    ["1.5", (3n * UNIT) / 2n],
    [".5", UNIT / 2n],
    ["5.", 5n * UNIT],
    ["250u", 250_000n],
    ["7n", 7n],
    ["1k", 1_000n * UNIT],
    ["1M", 1_000_000n * UNIT],
    ["1G", 1_000_000_000n * UNIT],
    ["1E", 10n ** 18n * UNIT],
    ["1Ki", 1024n * UNIT],
    ["1.5Mi", 1_572_864n * UNIT],
    ["2Gi", 2n * 1024n ** 3n * UNIT],
    ["1Ei", 1024n ** 6n * UNIT],
    ["1e3", 1_000n * UNIT],
    ["1E3", 1_000n * UNIT],
    ["12E-1", (6n * UNIT) / 5n],
    ["+3", 3n * UNIT],
    ["-1", -UNIT],
    ["0.0000000001", 1n],
  ];
  for (const [text, expected] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseQuantity(text), expected));
  }

  for (const text of ["", "Gi", "1 Gi", "1gb", "1KI", "1K", "ki", "1ee3", "0x10", "1e999", "NaN", "1,5", "--1"]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseQuantity(text), undefined));
  }

  it("orders as numbers do", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 0, max: 1e9 }), (left, right) => {
        const [small, large] = [parseQuantity(`${left}m`), parseQuantity(`${right}m`)];
        assert.ok(small !== undefined && large !== undefined);
        assert.equal(small < large, left < right);
      }),
    );
  });

  it("gives 1024 of one binary unit as one of the next", () => {
    const units = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    for (const [index, unit] of units.slice(1).entries()) {
      assert.equal(parseQuantity(`1${unit}`), parseQuantity(`1024${units[index]}`));
    }
  });
});
