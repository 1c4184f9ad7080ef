import assert from "node:assert/strict";
import { join } from "node:path";
import type { EngineEvent } from "../events";
import { type PropertyMap, ResourceReference, Secret, UNKNOWN } from "../values";
import type { PolicyResource, PolicyRunner } from "./policy";
import { startPolicyPack } from "./runner";

type PolicyEvent = Extract<EngineEvent, { kind: "policy" }>;

const thing = (properties: PropertyMap, more: Partial<PolicyResource> = {}): PolicyResource => ({
  urn: "urn:pulumi:dev::demo::test:index:Thing::one",
  type: "test:index:Thing",
  name: "one",
  properties,
  dependencies: [],
  propertyDependencies: {},
  ...more,
});

describe("policy runner", function () {
  // A pack is compiled when it starts.
  this.timeout(240_000);

  const events: EngineEvent[] = [];
  const open: PolicyRunner[] = [];
  const start = async (pack: string, config: Record<string, unknown> = {}, signal = new AbortController().signal) => {
    const runner = await startPolicyPack({
      directory: join(__dirname, "fixtures", pack),
      config,
      project: "demo",
      stack: "dev",
      organization: "organization",
      dryRun: true,
      events: (event) => events.push(event),
      signal,
    });
    open.push(runner);
    return runner;
  };
  const violations = (): PolicyEvent[] =>
    events.splice(0).filter((event): event is PolicyEvent => event.kind === "policy");

  let runner: PolicyRunner;
  before(async () => {
    runner = await start("pack");
  });
  after(async () => {
    await Promise.all(open.map((each) => each.close()));
  });
  beforeEach(() => {
    events.length = 0;
  });

  it("tells a mandatory violation with its pack, rule, severity and resource", async () => {
    assert.equal(await runner.analyze(thing({ a: "forbidden", b: "fine" })), 1);
    const [violation] = violations();
    assert.ok(violation);
    assert.deepEqual(violation, {
      kind: "policy",
      pack: "fixture",
      policy: "forbidden-word",
      level: "mandatory",
      severity: "high",
      urn: "urn:pulumi:dev::demo::test:index:Thing::one",
      message: "No property may hold the forbidden word.\na holds forbidden",
      at: violation.at,
    });
  });

  it("shows a rule what secrets hold, references as ids, and no internal keys", async () => {
    const reference = new ResourceReference("urn:x", "forbidden");
    const properties = { secret: new Secret("forbidden"), reference, __defaults: ["a"], __word: "forbidden" };
    assert.equal(await runner.analyze(thing(properties)), 2);
  });

  it("counts an advisory violation as none, and knows project and stack", async () => {
    assert.equal(await runner.analyze(thing({ size: 11 }, { type: "test:index:Sized" })), 0);
    const [violation] = violations();
    assert.equal(violation?.level, "advisory");
    assert.match(violation?.message ?? "", /size 11 of one in demo\/dev is over 10/);
  });

  it("says that a rule cannot run on a value not known yet", async () => {
    assert.equal(await runner.analyze(thing({ size: UNKNOWN }, { type: "test:index:Sized" })), 0);
    const advice = violations().find(({ policy }) => policy === "advice");
    assert.equal(advice?.level, "advisory");
    assert.match(advice.message, /can't run policy 'advice' .* during preview/);
  });

  it("remediates, keeps secrets secret and internal keys in place", async () => {
    const before = { password: new Secret("hidden"), __defaults: ["x"] };
    const after = await runner.remediate(thing(before));
    assert.deepEqual(after, { ...before, label: "none" });
    assert.equal(violations()[0]?.level, "remediate");
    const labelled = { label: "mine" };
    assert.equal(await runner.remediate(thing(labelled)), labelled);
  });

  it("checks the stack with its parents", async () => {
    const parent = thing({}, { urn: "urn:parent", name: "parent", type: "test:index:Parent" });
    const things = ["a", "b", "c"].map((name) => thing({}, { urn: `urn:${name}`, name, parent: "urn:parent" }));
    assert.equal(await runner.analyzeStack([parent, ...things]), 1);
    const [violation] = violations();
    assert.match(violation?.message ?? "", /3 things, of parent, parent, parent/);
    assert.equal(violation?.urn, "urn:c");
    assert.equal(await runner.analyzeStack(things.slice(0, 2)), 0);
  });

  it("answers many at once, each with its own", async () => {
    const counts = await Promise.all(
      Array.from({ length: 100 }, (_, index) => runner.analyze(thing({ a: index % 2 === 0 ? "forbidden" : "fine" }))),
    );
    assert.deepEqual(
      counts,
      counts.map((_, index) => (index % 2 === 0 ? 1 : 0)),
    );
  });

  it("passes on what a rule prints", async () => {
    await runner.analyze(thing({ mode: "print" }));
    // The line comes by another pipe than the answer.
    while (!events.some((event) => event.kind === "diagnostic")) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(events.some((event) => event.kind === "diagnostic" && event.message === "fixture: said by a rule"));
  });

  it("names pack, rule and resource when a rule throws, and goes on", async () => {
    const broken = runner.analyze(thing({ mode: "throw" }));
    await assert.rejects(
      broken,
      /policy pack "fixture" while it looked at urn:pulumi.*policy 'fragile'[^]*a rule with a bug/,
    );
    assert.equal(await runner.analyze(thing({})), 0);
  });

  it("applies configuration: levels, `all`, properties", async () => {
    const configured = await start("pack", {
      all: "advisory",
      "forbidden-word": { word: "other", ignore: ["b"] },
      label: "disabled",
    });
    assert.equal(await configured.analyze(thing({ a: "other", b: "other", c: "forbidden" })), 0);
    const found = violations();
    assert.deepEqual(
      found.map(({ level }) => level),
      ["advisory"],
    );
    const untouched = {};
    assert.equal(await configured.remediate(thing(untouched)), untouched);
  });

  it("names every mistake in the configuration, and starts nothing", async () => {
    const wrong = start("pack", {
      nope: "mandatory",
      advice: "severe",
      all: { x: 1 },
      "forbidden-word": { word: 5, wrod: "x" },
    });
    await assert.rejects(wrong, (error: Error) => {
      assert.match(error.message, /configuration of policy pack "fixture" is wrong/);
      assert.match(error.message, /nope: there is no such policy; the pack has forbidden-word, label/);
      assert.match(error.message, /advice: severe is no enforcement level; there are advisory, mandatory/);
      assert.match(error.message, /all: takes an enforcement level only, not x/);
      assert.match(error.message, /forbidden-word\.word: .*string/);
      assert.match(error.message, /forbidden-word.*wrod/);
      return true;
    });
  });

  it("says how a pack ended in the middle", async () => {
    const doomed = await start("pack");
    await assert.rejects(
      doomed.analyze(thing({ mode: "exit" })),
      /policy pack "fixture" ended with exit code 7 while it looked at/,
    );
    await assert.rejects(doomed.analyze(thing({})), /policy pack "fixture" ended with exit code 7/);
  });

  it("says why a pack cannot start", async () => {
    await assert.rejects(
      start("broken"),
      /policy pack .*fixtures\/broken ended with exit code \d+\n[^]*this pack cannot start/,
    );
    await assert.rejects(
      start("misnamed"),
      /PulumiPolicy.yaml: runtime is "python"; the embedded engine runs packs of runtime nodejs/,
    );
    await assert.rejects(start("absent"), /absent is no policy pack: ENOENT/);
  });

  it("does not start when interrupted", async () => {
    const controller = new AbortController();
    const starting = start("pack", {}, controller.signal);
    controller.abort();
    await assert.rejects(starting, /interrupted while it started|aborted/);
  });
});
