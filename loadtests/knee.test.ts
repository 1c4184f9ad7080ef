import assert from "node:assert/strict";
import { kneeOf, loadOf } from "./knee";
import { makePlan, type Plan } from "./plan";
import { count, type Histogram } from "./series/histogram";
import type { Interval, RunSeries } from "./series/series";
import { stepsOf } from "./steps";
import { chosenScenarios, profileTable, type ProfileName } from "./table";

const planOf = (profile: ProfileName): Plan =>
  makePlan({
    run: "r1",
    environment: "local",
    profile,
    scenarios: chosenScenarios(["taskdb-create-task"]),
    targets: { taskdb: { url: "http://127.0.0.1:1", ready: "/readyz" } },
  });

interface Second {
  readonly ms?: number;
  readonly failed?: number;
  /** Iterations that ended. */
  readonly done: number;
}

/** A service whose answers depend on the second. */
function seriesOf(seconds: number, at: (second: number) => Second): RunSeries {
  const intervals = Array.from({ length: seconds }, (_, second): Interval => {
    const { ms = 10, failed = 0, done } = at(second);
    const durations: Histogram = new Map();
    for (let each = 0; each < done; each++) count(durations, ms);
    return { at: second, requests: done, failed, done, dropped: 0, durations: [...durations] };
  });
  return { intervalSeconds: 1, started: 0, scenarios: { "taskdb-create-task": intervals } };
}

describe("the knee of a load test", () => {
  const stress = planOf("stress");
  /** Load of the stress profile at a second, from its table. */
  const rate = (second: number): number => {
    let [from, before] = [0, profileTable().stress.start];
    for (const { seconds, to } of profileTable().stress.stages) {
      if (second < from + seconds) return 10 * (before + ((to - before) * (second + 0.5 - from)) / seconds);
      [from, before] = [from + seconds, to];
    }
    return 0;
  };
  const knee = (at: (load: number) => Second, seconds = 265) =>
    kneeOf(
      stress,
      stepsOf(
        stress,
        seriesOf(seconds, (second) => at(rate(second))),
      ),
    );
  const loads = ({ kept, lost }: ReturnType<typeof knee>) => [kept && loadOf(kept), lost && loadOf(lost)];

  it("is found where P95 leaves its objective", () => {
    const found = knee((load) => ({ done: Math.round(load), ms: load > 60 ? 300 : 20 }));
    assert.deepEqual(loads(found), [50, 80]);
    assert.match(found.reasons.join(), /^taskdb-create-task: P95 30\d ms, its objective is below 200 ms$/);
  });

  it("is found where errors leave theirs", () => {
    const found = knee((load) => ({ done: Math.round(load), failed: load > 25 ? 1 : 0 }));
    assert.deepEqual(loads(found), [20, 30]);
    assert.match(found.reasons.join(), /3\.33 % errors, its objective is below 0\.1 %/);
  });

  it("is found where what is done no longer follows what is due", () => {
    const found = knee((load) => ({ done: Math.min(Math.round(load), 70) }));
    assert.deepEqual(loads(found), [50, 80]);
    assert.match(found.reasons.join(), /2800 of 3200 due iterations ended \(87\.5 %\)/);
  });

  it("is not found where everything holds, nor in steps that were not measured to their end", () => {
    assert.deepEqual(loads(knee((load) => ({ done: Math.round(load) }))), [120, undefined]);
    assert.deepEqual(loads(knee((load) => ({ done: Math.round(load), ms: load > 60 ? 300 : 20 }), 150)), [
      30,
      undefined,
    ]);
  });

  it("may be the first step already, and a service that answers nothing is no good one", () => {
    assert.deepEqual(loads(knee(() => ({ done: 1, ms: 500 }))), [undefined, 10]);
    assert.deepEqual(loads(knee((load) => ({ done: load > 25 ? 0 : Math.round(load) }))), [20, 30]);
  });

  it("is looked for in stretches where the load grows all the time", () => {
    const plan = planOf("breakpoint");
    const at = (second: number) => 10 * (0.5 + (19.5 * (second + 0.5)) / 900);
    const steps = stepsOf(
      plan,
      seriesOf(900, (second) => ({ done: Math.round(at(second)), ms: at(second) > 100 ? 300 : 20 })),
    );
    assert.equal(steps.length, 30);
    const { kept, lost } = kneeOf(plan, steps);
    assert.ok(kept && lost && loadOf(kept) < 102 && loadOf(lost) > 98, `${kept && loadOf(kept)}`);
    assert.ok(loadOf(lost) - loadOf(kept) < 7);
  });
});
