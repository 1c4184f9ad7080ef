import assert from "node:assert/strict";
import { experiments, findExperiment } from "../experiments";
import { InvalidExperiment, parseExperiment } from "./schema";

type Data = Record<string, unknown>;

/** One of ours, as data, with a value put at a path; `undefined` takes it away. */
function changed(path: string, value: unknown, name = "postgres-primary-kill"): Data {
  const copy = JSON.parse(JSON.stringify(findExperiment(name))) as Data;
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const at = keys.reduce<Data>((part, key) => part[key] as Data, copy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

describe("an experiment", () => {
  it("of ours is valid, and has a name of its own", () => {
    assert.ok(experiments.length >= 16);
    assert.equal(new Set(experiments.map(({ name }) => name)).size, experiments.length);
  });

  it("is found by its name, or the error lists those that there are", () => {
    assert.equal(findExperiment("taskdb-pod-kill").name, "taskdb-pod-kill");
    assert.throws(
      () => findExperiment("pod-kill"),
      /no experiment pod-kill; there are: api-server-down, .*taskdb-pod-kill/,
    );
  });

  const probe = "steady-state-hypothesis.probes.0";
  const step = "method.0";
  const broken: readonly (readonly [path: string, value: unknown, message: RegExp])[] = [
    ["name", "Kill It", /name is "Kill It": must be a short name of lower-case/],
    ["name", undefined, /name is missing/],
    ["title", "", /title is ""/],
    ["description", "short", /description is "short"/],
    ["contributions", { resilience: "very" }, /contributions\.resilience is "very"/],
    ["contributions", undefined, /contributions is missing/],
    ["tags", "postgres", /tags is "postgres"/],
    ["steady-state-hypothesis", undefined, /steady-state-hypothesis is missing/],
    ["steady-state-hypothesis.title", 1, /steady-state-hypothesis\.title is 1/],
    ["steady-state-hypothesis.probes", [], /steady-state-hypothesis\.probes is \[\]/],
    [`${probe}.kind`, "ping", /probes\.0\.kind is "ping"/],
    [`${probe}.mode`, "sometimes", /probes\.0\.mode is "sometimes"/],
    [`${probe}.every`, 0, /probes\.0\.every is 0/],
    [`${probe}.tolerance`, { about: 200 }, /probes\.0\.tolerance is \{"about":200\}/],
    [`${probe}.path`, "readyz", /probes\.0\.path is "readyz"/],
    [`${probe}.surprise`, true, /surprise/],
    ["method", [], /method is \[\]/],
    [`${step}.fault.kind`, "pod-hug", /method\.0\.fault\.kind is "pod-hug"/],
    [`${step}.fault.target.namespace`, "Data", /target\.namespace is "Data": must be the name of a Kubernetes object/],
    [`${step}.fault.target.labels`, {}, /an empty selector matches every pod/],
    [`${step}.fault.target.pick`, 0, /method\.0\.fault\.target\.pick is 0/],
    [`${step}.fault.graceSeconds`, -1, /graceSeconds is -1/],
    [`${step}.fault.force`, true, /force/],
    [`${step}.hold`, 901, /method\.0\.hold is 901/],
    [`${step}.after`, -1, /method\.0\.after is -1/],
    ["ledger", "paper", /ledger is "paper"/],
    ["limits", undefined, /limits is missing/],
    ["limits.namespaces", [], /limits\.namespaces is \[\]/],
    ["limits.namespaces", ["apps"], /method\.0\.fault is aimed at namespace data; add it to limits\.namespaces/],
    ["limits.share", 1.1, /limits\.share is 1\.1/],
    ["limits.deadline", 0, /limits\.deadline is 0/],
    ["limits.abortAfter", "1s", /limits\.abortAfter is "1s"/],
    ["recovery", -5, /recovery is -5/],
    ["unknown", 1, /unknown/],
  ];
  for (const [path, value, message] of broken) {
    it(`is refused where ${path} is ${JSON.stringify(value) ?? "missing"}, with its place`, () => {
      assert.throws(
        () => parseExperiment(changed(path, value), "here.json"),
        (error: Error) => {
          assert.ok(error instanceof InvalidExperiment);
          assert.match(error.message, /^here\.json is no valid experiment:/);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  it("is told every problem at once", () => {
    const data = { ...changed("name", 1), recovery: 0 };
    assert.throws(() => parseExperiment(data, "x"), /- name is 1[\s\S]*- recovery is 0/);
  });
});
