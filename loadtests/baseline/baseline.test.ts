import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Measured } from "../measured";
import type { RunRecord } from "../record";
import { baselineOf, newestRepeats } from "./baseline";
import { compare, holds } from "./compare";
import { BaselineStore } from "./store";

const good: Measured = { median: 5, p95: 40, errors: 0, rate: 10 };
let number = 0;
const run = (measured: Measured = good, more: Partial<RunRecord> = {}): RunRecord => ({
  run: `r${++number}`,
  stack: "local",
  environment: "local",
  profile: "baseline",
  seed: 1,
  durationScale: 1,
  seconds: 200,
  due: { a: 2000 },
  k6: "1.8.1",
  commit: "c1",
  machine: "2 × x",
  started: new Date(1_800_000_000_000 + number * 1000).toISOString(),
  ended: new Date(1_800_000_000_000 + number * 1000).toISOString(),
  interrupted: false,
  code: 0,
  measured: { a: measured },
  results: [],
  ...more,
});

describe("a baseline of load", () => {
  it("is made of three runs or more, and says how to get them", () => {
    assert.throws(
      () => baselineOf([run(), run()]),
      /of 3 runs .* or more: these are 2\. .*load local --profile baseline --repeat 3/,
    );
    assert.throws(() => baselineOf([]), /these are 0$/);
    const twice = run();
    assert.throws(() => baselineOf([twice, twice, run()]), /named twice/);
    assert.equal(baselineOf([run(), run(), run()]).runs.length, 3);
  });

  it("refuses a run that is no measure, by its name and the reason", () => {
    const with3 = (one: RunRecord) => () => baselineOf([run(), run(), one]);
    assert.throws(
      with3(run(good, { run: "late", code: 107 })),
      /run late cannot be part of a baseline: it ended with 107/,
    );
    assert.throws(with3(run(good, { interrupted: true })), /it was interrupted/);
    const sent = { scenario: "a", metric: "iterations{scenario:a}", expression: "sent>=0.99", limit: 0.99 };
    const unsent = { ...sent, value: 0.8, state: "failed" as const };
    assert.throws(with3(run(good, { code: 99, results: [unsent] })), /its load of a was not sent in full/);
    assert.doesNotThrow(with3(run(good, { code: 99 })));
    assert.throws(with3(run({ median: 5, p95: 40, rate: 10 })), /a has no data/);
    assert.throws(with3(run(good, { profile: "stress" })), /the profile stress goes to where the service fails/);
    assert.throws(with3(run(good, { due: { a: 1000 } })), /iterations of a were due/);
    assert.throws(with3(run(good, { due: { a: 2000, b: 1 } })), /iterations of b were due/);
  });

  it("is by itself the newest runs that belong together", () => {
    const older = [run(), run(), run()];
    const newer = [run(good, { commit: "c2" }), run(good, { commit: "c2", code: 107 }), run(good, { commit: "c2" })];
    const found = newestRepeats([...older, ...newer].reverse());
    assert.deepEqual(
      found.map(({ run: name }) => name),
      [newer[2]?.run, newer[0]?.run],
    );
  });

  it("stands where its kind belongs, and what is none is named", async () => {
    const root = await mkdtemp(join(tmpdir(), "ballast-baseline-"));
    try {
      const store = new BaselineStore(root);
      assert.equal(await store.read("local", "baseline", true), undefined);
      const baseline = baselineOf([run(), run(), run()]);
      assert.equal(await store.write(baseline, true), join(root, ".ballast/baselines/local-baseline.json"));
      const cloud = await store.write({ ...baseline, stack: "prod" }, false);
      assert.equal(cloud, join(root, "loadtests/baselines/prod-baseline.json"));
      assert.deepEqual(await store.read("local", "baseline", true), baseline);
      assert.deepEqual(
        (await store.list()).map((each) => each.baseline.stack),
        ["local", "prod"],
      );
      await writeFile(cloud, "{}");
      await assert.rejects(store.read("prod", "baseline", false), /prod-baseline\.json is no baseline/);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

describe("a run against its baseline", () => {
  const of = (p95: readonly number[]) => baselineOf(p95.map((each) => run({ ...good, p95: each })));
  const states = (measured: Measured, p95: readonly number[] = [40, 42, 44]) =>
    Object.fromEntries(compare(of(p95), run(measured)).map(({ metric, state }) => [metric, state]));
  const same = { median: "ok", p95: "ok", errors: "ok", rate: "ok" };

  it("is no worse while it is within the noise of the baseline's own repeats", () => {
    assert.deepEqual(states(good), same);
    assert.deepEqual(states({ ...good, p95: 50 }), same);
    assert.equal(states({ ...good, p95: 50.1 })["p95"], "worse");
    assert.equal(states({ ...good, p95: 50.1 }, [30, 42, 44])["p95"], "ok");
    assert.equal(states({ ...good, p95: 30 })["p95"], "better");
  });

  it("is not called worse for what nobody would notice", () => {
    assert.equal(states({ ...good, median: 6 })["median"], "ok");
    assert.equal(states({ ...good, p95: 44 }, [40, 40, 40])["p95"], "ok");
    assert.equal(states({ ...good, p95: 46 }, [40, 40, 40])["p95"], "worse");
    assert.equal(states({ ...good, errors: 0.0004 })["errors"], "ok");
  });

  it("is not called worse for one iteration that ended after the run", () => {
    const short = { due: { a: 28 } };
    const baseline = baselineOf([run(good, short), run(good, short), run(good, short)]);
    const rateOf = (rate: number) => compare(baseline, run({ ...good, rate }, short)).at(-1)?.state;
    assert.deepEqual([rateOf((10 * 27) / 28), rateOf((10 * 25) / 28)], ["ok", "worse"]);
  });

  it("is worse with more errors, or with less done", () => {
    assert.equal(states({ ...good, errors: 0.002 })["errors"], "worse");
    assert.equal(states({ ...good, rate: 9.7 })["rate"], "worse");
    assert.equal(states({ ...good, rate: 10.3 })["rate"], "better");
  });

  it("is unknown without data, and that does not hold", () => {
    const compared = compare(of([40, 42, 44]), run({}));
    assert.deepEqual([...new Set(compared.map(({ state }) => state))], ["unknown"]);
    assert.equal(holds(compared), false);
    assert.equal(holds([]), false);
    assert.equal(holds(compare(of([40, 42, 44]), run())), true);
  });

  it("of another load is refused, since it would say nothing", () => {
    assert.throws(
      () => compare(of([40, 42, 44]), run(good, { run: "x", due: { b: 1 } })),
      /run x cannot be held against the baseline of local: 0 iterations of a were due in it, not 2000/,
    );
  });
});
