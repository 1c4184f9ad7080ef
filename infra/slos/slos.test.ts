import assert from "node:assert/strict";
import { slosPage } from "../reference/slos";
import { latencyBuckets, sloRules } from "./burnRate";
import data from "./slos.json";
import { steadyState } from "./steadyState";
import { objectives, sloTable, type SloTable } from "./table";
import { loadThresholds } from "./thresholds";

const scope = { service: "taskdb", scenario: "taskdb-create-task" };

/** A copy of the table's content with something changed. */
function changed(change: (content: typeof data) => void): unknown {
  const content = structuredClone(data);
  change(content);
  return content;
}

const row = <T extends { name: string }>(rows: readonly T[], name: string): T => {
  const found = rows.find((each) => each.name === name);
  assert.ok(found, name);
  return found;
};

describe("the table of service level objectives", () => {
  it("holds an environment to its milestone, and takes a target from an earlier one where that said nothing", () => {
    const response = (environment: "dev" | "prod") =>
      objectives(environment).find(({ id }) => id === "taskdb-response")?.value;
    assert.equal(response("dev"), 500);
    assert.equal(response("prod"), 200);
    const dev = objectives("dev").find(({ id }) => id === "edge-availability");
    assert.deepEqual([dev?.value, dev?.milestone, dev?.requirement], [99, "M1", "C-50"]);
    assert.equal(
      objectives("dev").find(({ id }) => id === "taskdb-scale-out"),
      undefined,
      "a target of a milestone that is not reached yet counts",
    );
  });

  it("holds this machine to what production is held to", () => {
    assert.deepEqual(objectives("local"), objectives("prod"));
  });

  const broken: readonly [string, unknown, RegExp][] = [
    [
      "a service that is not there",
      changed(({ objectives: [first] }) => first?.services.push("taskbd")),
      /objectives\.0\.services: taskbd is not one of services \(edge, taskdb/,
    ],
    [
      "two objectives of one name",
      changed(({ objectives: rows }) => (row(rows, "response").name = "availability")),
      /edge has another objective of the name availability/,
    ],
    [
      "no budget at all",
      changed(({ objectives: rows }) => (row(rows, "availability").targets.M4 = { value: 100, requirement: "C-137" })),
      /below 100 %/,
    ],
    [
      "a later milestone that is laxer",
      changed(({ objectives: rows }) => (row(rows, "response").targets.M4 = { value: 600, requirement: "C-137" })),
      /600 is laxer than 500/,
    ],
    [
      "an unknown indicator",
      changed(({ objectives: rows }) => (row(rows, "response").indicator = { kind: "speed" } as never)),
      /objectives\.1\.indicator/,
    ],
    [
      "an operation that has no series",
      changed(({ objectives: rows }) => Object.assign(row(rows, "response").indicator, { operation: "read" })),
      /read is not one of/,
    ],
    [
      "an environment that is missing",
      changed((content) => delete (content.environments as Partial<typeof data.environments>).dev),
      /environments/,
    ],
    [
      "a short window that is not shorter",
      changed(({ burnRates: [first] }) => first && (first.short = "1h")),
      /1h must be shorter than the long window, 1h/,
    ],
    ["an unknown key", changed((content) => Object.assign(content, { slo: 1 })), /slo/],
  ];
  for (const [what, content, message] of broken) {
    it(`refuses ${what}, with its place`, () => {
      assert.throws(() => sloTable(content), message);
    });
  }

  it("is one edit away from another target, everywhere", () => {
    const derived = (table: SloTable) => ({
      thresholds: JSON.stringify(loadThresholds(scope, "local", table).map(({ expression }) => expression)),
      steadyState: JSON.stringify(steadyState("taskdb", "local", table)),
      rules: JSON.stringify(sloRules("taskdb", "local", table)),
      buckets: JSON.stringify(latencyBuckets("taskdb", table)),
      page: slosPage(table),
    });
    const stricter = changed(
      ({ objectives: rows }) => (row(rows, "response").targets.M4 = { value: 140, requirement: "C-137" }),
    );
    const [before, after] = [derived(sloTable()), derived(sloTable(stricter))];
    const traces = {
      thresholds: ["p(95)<200", "p(95)<140"],
      steadyState: ['"most":200', '"most":140'],
      rules: [String.raw`le=\"0.2\"`, String.raw`le=\"0.14\"`],
      buckets: ["0.2", "0.14"],
      page: ["200 ms", "140 ms"],
    } as const;
    for (const [artefact, [old, now]] of Object.entries(traces) as [keyof typeof traces, readonly [string, string]][]) {
      assert.ok(
        before[artefact].includes(old) && !before[artefact].includes(now),
        `${artefact} before: ${before[artefact]}`,
      );
      assert.ok(
        after[artefact].includes(now) && !after[artefact].includes(old),
        `${artefact} after: ${after[artefact]}`,
      );
    }
  });
});

describe("thresholds of a load test", () => {
  it("come from the objectives that a client can measure", () => {
    assert.deepEqual(
      loadThresholds(scope, "prod").map(({ metric, expression }) => `${metric} ${expression}`),
      [
        "http_req_failed{scenario:taskdb-create-task} rate<0.001",
        "checks{scenario:taskdb-create-task} rate>0.999",
        "http_req_duration{scenario:taskdb-create-task} p(95)<200",
      ],
    );
  });

  it("have an operation's own objective beside the general one", () => {
    const expressions = loadThresholds({ ...scope, operation: "derived-status" }, "dev").map((each) => each.expression);
    assert.deepEqual(expressions, ["rate<0.01", "rate>0.99", "p(95)<500", "p(95)<5"]);
  });
});

describe("a steady state", () => {
  it("has a bound an objective", () => {
    assert.deepEqual(
      steadyState("edge", "local").map(({ objective, measured, most }) => [objective.id, measured, most]),
      [
        ["edge-availability", "failed ratio", 0.001],
        ["edge-response", "milliseconds", 200],
      ],
    );
  });

  it("cannot be made of nothing", () => {
    assert.throws(() => steadyState("redis", "local"), /redis has no objective/);
    assert.throws(() => steadyState("nothing", "local"), /no service nothing .*; it has: edge, taskdb/);
  });
});

describe("burn-rate rules", () => {
  const { groups } = sloRules("taskdb", "prod");
  const rules = groups.flatMap((group) => group.rules);

  it("AND a long and a short window at each speed", () => {
    const alerts = rules.flatMap((rule) =>
      "alert" in rule && rule.alert === "TaskdbAvailabilityBudgetBurn" ? [rule] : [],
    );
    const series = (window: string) => `slo:failed_requests:ratio_rate${window}{service="taskdb",slo="availability"}`;
    assert.deepEqual(
      alerts.map(({ expr, labels }) => [labels["severity"], expr]),
      [
        ["critical", `${series("1h")} > 0.0144 and ${series("5m")} > 0.0144`],
        ["critical", `${series("6h")} > 0.006 and ${series("30m")} > 0.006`],
        ["warning", `${series("1d")} > 0.003 and ${series("2h")} > 0.003`],
        ["warning", `${series("3d")} > 0.001 and ${series("6h")} > 0.001`],
      ],
    );
  });

  it("record every series that an alert reads", () => {
    const recorded = new Set(
      rules.flatMap((rule) =>
        "record" in rule ? [`${rule.record}{service="${rule.labels["service"]}",slo="${rule.labels["slo"]}"}`] : [],
      ),
    );
    const read = rules.flatMap((rule) => ("alert" in rule ? (rule.expr.match(/slo:[a-z_:0-9]+\{[^}]*\}/g) ?? []) : []));
    assert.ok(read.length > 0);
    for (const series of read) assert.ok(recorded.has(series), `${series} is read, but not recorded`);
  });

  it("say who is called, what for and where to read on", () => {
    for (const rule of rules) {
      if (!("alert" in rule)) continue;
      assert.match(rule.labels["severity"] ?? "", /^(critical|warning)$/);
      assert.notEqual(rule.labels["owner"], "");
      assert.match(rule.annotations.runbook_url, /\/slo-burn\.md/);
    }
  });

  it("take objectives that nothing measures for a warning, not for kept", () => {
    const alert = rules.find((rule) => "alert" in rule && rule.alert === "TaskdbResponseUnmeasured");
    assert.ok(alert && "alert" in alert);
    assert.match(alert.expr, /^absent\(/);
  });

  it("cannot be made for what has no series", () => {
    assert.throws(() => sloRules("postgres", "prod"), /postgres has no series/);
  });
});
