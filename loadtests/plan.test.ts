import assert from "node:assert/strict";
import { makePlan, type Plan } from "./plan";
import { chosenScenarios, profileTable, scenarioTable } from "./table";
import profiles from "./profiles.json";
import scenarios from "./scenarios.json";
import { exitOf, judge, type Summary } from "./verdict";

const target = { url: "http://127.0.0.1:1", ready: "/readyz" };
const choice = {
  run: "r1",
  environment: "local" as const,
  profile: "baseline" as const,
  scenarios: chosenScenarios(["taskdb"]),
  targets: { taskdb: target },
};

describe("the tables of load tests", () => {
  it("have a scenario a critical endpoint, and name what there is to one who errs", () => {
    assert.equal(chosenScenarios([]).length, scenarios.scenarios.length);
    assert.deepEqual(
      chosenScenarios(["edge"]).map(({ name }) => name),
      ["edge-front"],
    );
    assert.throws(
      () => chosenScenarios(["taskdb-delete"]),
      /no scenario taskdb-delete; there are: taskdb, .*edge-front/,
    );
  });

  it("refuse what is malformed, with its place", () => {
    const copy = structuredClone(scenarios);
    Object.assign(copy.scenarios[0] ?? {}, { operation: "create", rate: 0 });
    assert.throws(() => scenarioTable(copy), /scenarios\.0\.rate: must be above 0/);
    Object.assign(copy.scenarios[0] ?? {}, { rate: 1 });
    assert.throws(() => scenarioTable(copy), /scenarios\.0\.operation: create has no objective; .*derived-status/);
    assert.throws(() => profileTable({ ...profiles, smoke: { ...profiles.smoke, stages: [] } }), /smoke\.stages/);
    const { soak: _, ...rest } = profiles;
    assert.throws(() => profileTable(rest), /soak/);
  });
});

describe("the plan of a load test", () => {
  it("is the same for the same choice", () => {
    assert.deepEqual(makePlan(choice), makePlan(choice));
  });

  it("asks for more in a larger environment, and never for more than a rule of ours lets through", () => {
    const startOf = (environment: "local" | "prod", name: string) =>
      makePlan({
        ...choice,
        environment,
        scenarios: chosenScenarios([name]),
        targets: { taskdb: target, edge: target },
      }).options.scenarios[name]?.stages.at(-1)?.target;
    assert.equal(startOf("local", "taskdb-create-task"), 10 * 60);
    assert.equal(startOf("prod", "taskdb-create-task"), 100 * 60);
    assert.equal(startOf("prod", "edge-front"), 4 * 60);
  });

  it("counts what is due, and scales lengths but not rates", () => {
    const one = makePlan({ ...choice, scenarios: chosenScenarios(["taskdb-create-task"]) });
    assert.deepEqual([one.seconds, one.due["taskdb-create-task"]], [200, 20 * 5.5 + 180 * 10]);
    const half = makePlan({ ...choice, scenarios: chosenScenarios(["taskdb-create-task"]), durationScale: 0.5 });
    assert.deepEqual([half.seconds, half.due["taskdb-create-task"]], [100, 955]);
  });

  it("refuses a seed, a scale and a service that cannot be", () => {
    assert.throws(() => makePlan({ ...choice, seed: 1.5 }), /seed 1.5: must be a whole number/);
    assert.throws(() => makePlan({ ...choice, durationScale: 0 }), /duration scale 0/);
    assert.throws(() => makePlan({ ...choice, targets: {} }), /needs the service taskdb, of which no address is known/);
    assert.throws(() => makePlan({ ...choice, scenarios: [] }), /at least one scenario/);
  });
});

describe("the verdict on a load test", () => {
  const plan: Plan = makePlan({ ...choice, scenarios: chosenScenarios(["taskdb-create-task"]) });
  const tag = "{scenario:taskdb-create-task}";
  const good: Summary["metrics"] = {
    [`http_req_failed${tag}`]: { type: "rate", values: { rate: 0, passes: 0, fails: 1000 } },
    [`checks${tag}`]: { type: "rate", values: { rate: 1, passes: 1000, fails: 0 } },
    [`http_req_duration${tag}`]: { type: "trend", values: { count: 1000, "p(95)": 150 } },
    [`iterations${tag}`]: { type: "counter", values: { count: 1000, rate: 10 } },
    [`dropped_iterations${tag}`]: { type: "counter", values: { count: 0, rate: 0 } },
  };
  const bad = (name: string, values: Record<string, number>) => {
    const results = judge(plan, { metrics: { ...good, [`${name}${tag}`]: { type: "", values } } });
    return [exitOf(0, results), results.filter(({ state }) => state !== "ok").map(({ state }) => state)];
  };

  it("tells value, limit and margin", () => {
    const results = judge(plan, { metrics: good });
    assert.equal(exitOf(0, results), 0);
    const p95 = results.find(({ metric }) => metric.startsWith("http_req_duration"));
    assert.deepEqual([p95?.value, p95?.limit, p95?.margin, p95?.requirement], [150, 200, 0.25, "C-137"]);
  });

  it("fails what is missed, what has no data, and a load that was not sent", () => {
    assert.deepEqual(bad("http_req_duration", { count: 9, "p(95)": 200 }), [99, ["failed"]]);
    assert.deepEqual(bad("http_req_duration", { count: 0, "p(95)": 0 }), [99, ["unknown"]]);
    assert.deepEqual(bad("checks", { rate: 0, passes: 0, fails: 0 }), [99, ["unknown"]]);
    assert.deepEqual(bad("dropped_iterations", { count: 20 }), [99, ["failed"]]);
  });

  it("keeps k6's own code", () => {
    assert.equal(exitOf(107, judge(plan, { metrics: {} })), 107);
  });
});
