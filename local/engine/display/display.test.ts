import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { EngineEvent, StepInfo, StepOp } from "../events";
import type { ResourceState } from "../state/store";
import { type PropertyMap, Secret, UNKNOWN } from "../values";
import { createDisplay, type DisplayOptions } from ".";
import { Model } from "./model";
import { active, treeLines } from "./tree";

class Recording extends Writable {
  text = "";
  constructor(
    readonly isTTY = false,
    readonly columns = 80,
    readonly rows = 24,
  ) {
    super();
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const stackUrn = "urn:pulumi:dev::demo::pulumi:pulumi:Stack::demo-dev";
const urnOf = (type: string, name: string): string => `urn:pulumi:dev::demo::${type}::${name}`;

function state(type: string, name: string, inputs: PropertyMap, parent: string | undefined): ResourceState {
  const base = {
    urn: urnOf(type, name),
    type,
    custom: true,
    id: `${name}-id`,
    inputs,
    outputs: { ...inputs, computed: 1 },
  };
  return parent === undefined ? base : { ...base, parent };
}

interface StepSpec {
  type?: string;
  olds?: PropertyMap;
  news?: PropertyMap;
  parent?: string;
  detailed?: StepInfo["detailedDiff"];
  reasons?: string[];
}

function step(op: StepOp, name: string, spec: StepSpec = {}): StepInfo {
  const { type = "test:index:Thing", olds, news, parent = stackUrn, detailed, reasons } = spec;
  return {
    op,
    urn: urnOf(type, name),
    type,
    ...(olds === undefined ? {} : { old: state(type, name, olds, parent) }),
    ...(news === undefined ? {} : { new: state(type, name, news, parent) }),
    ...(detailed === undefined ? {} : { detailedDiff: detailed }),
    ...(reasons === undefined ? {} : { replaceReasons: reasons }),
  };
}

const stackStep: StepInfo = {
  op: "create",
  urn: stackUrn,
  type: "pulumi:pulumi:Stack",
  new: { urn: stackUrn, type: "pulumi:pulumi:Stack", custom: false, inputs: {}, outputs: {} },
};

const prelude = (operation: string, dryRun: boolean): EngineEvent => ({
  kind: "prelude",
  stack: "dev",
  operation,
  dryRun,
  config: { "demo:size": "3" },
});
const whole = (info: StepInfo, from: number, to: number, failed?: string): EngineEvent[] => [
  { kind: "step-start", step: info, at: from },
  { kind: "step-end", step: info, at: to, ...(failed === undefined ? {} : { failed }) },
];

function shown(
  events: EngineEvent[],
  options: Partial<DisplayOptions> & { tty?: boolean; columns?: number } = {},
): string {
  const { tty = false, columns = 80, ...rest } = options;
  const stream = new Recording(tty, columns);
  const display = createDisplay({ mode: "plain", stream, color: false, ...rest });
  for (const event of events) display(event);
  display.close();
  display.close();
  return stripVTControlCharacters(stream.text);
}

/** An update that creates, changes, replaces, deletes, leaves alone and fails. */
const update: EngineEvent[] = [
  prelude("update", false),
  { kind: "step-start", step: stackStep, at: 0 },
  ...whole(step("create", "new", { news: { size: 1 } }), 10, 1210),
  ...whole(step("same", "kept", { olds: {}, news: {} }), 20, 20),
  ...whole(
    step("update", "changed", { olds: { a: 1 }, news: { a: 2 }, detailed: { "a.b": "update", c: "add" } }),
    30,
    400,
  ),
  ...whole(step("create-replacement", "moved", { olds: { zone: "a" }, news: { zone: "b" } }), 40, 500),
  ...whole(step("delete-replaced", "moved", { olds: { zone: "a" } }), 600, 700),
  ...whole(step("delete", "gone", { olds: { a: 1 } }), 700, 800),
  ...whole(step("create", "bad", { news: {} }), 50, 900, "quota exceeded\nmore detail"),
  {
    kind: "diagnostic",
    severity: "error",
    urn: urnOf("test:index:Thing", "bad"),
    message: "quota exceeded\nmore detail",
    at: 900,
  },
  { kind: "diagnostic", severity: "debug", message: "nobody needs this", at: 901 },
  { kind: "step-end", step: stackStep, at: 950 },
  { kind: "outputs", outputs: { url: "http://x", password: new Secret("hunter2"), later: UNKNOWN } },
  {
    kind: "summary",
    changes: { create: 1, update: 1, replace: 1, delete: 1, same: 1 },
    durationMs: 12_345,
    result: "failed",
    dryRun: false,
  },
];

describe("display", () => {
  it("ends a run on a terminal with tree, diagnostics, outputs and counts", () => {
    const text = shown(update, { mode: "tree", tty: true });
    const end = text.slice(text.lastIndexOf("Updating (dev)"));
    assert.equal(
      end,
      `Updating (dev)

    Type                 Name      Status           Info
 +  pulumi:pulumi:Stack  demo-dev  created (0.9s)
 +  ├─ test:index:Thing  new       created (1.2s)
 ~  ├─ test:index:Thing  changed   updated (0.4s)   [diff: ~a,+c]
 +- ├─ test:index:Thing  moved     replaced (0.7s)
 -  ├─ test:index:Thing  gone      deleted (0.1s)
 +  └─ test:index:Thing  bad       creating failed  quota exceeded

Diagnostics:
  test:index:Thing (bad):
    error: quota exceeded
    more detail

Outputs:
    url     : "http://x"
    password: [secret]
    later   : [unknown]

Resources:
    +  1 created
    ~  1 updated
    +- 1 replaced
    -  1 deleted
    4 changes. 1 unchanged

Duration: 12s

Update failed.

`,
    );
  });

  it("has a line for each thing that happens where there is no terminal", () => {
    const text = shown(update, { mode: "tree" });
    assert.match(text, /^Updating \(dev\):\n \+ {2}pulumi:pulumi:Stack demo-dev creating\n/);
    assert.match(text, / \+ {2}test:index:Thing new creating\n \+ {2}test:index:Thing new created \(1\.2s\)\n/);
    assert.match(text, / ~ {2}test:index:Thing changed updated \(0\.4s\) \[diff: ~a,\+c\]\n/);
    assert.match(text, / \+ {2}test:index:Thing bad creating failed: quota exceeded\n/);
    assert.doesNotMatch(text, /kept|nobody needs|hunter2/);
  });

  it("shows secrets only when asked", () => {
    assert.match(shown(update, { showSecrets: true }), /password: "hunter2"/);
  });

  it("says what a preview would do", () => {
    const text = shown([
      prelude("update", true),
      ...whole(step("create", "new", { news: {} }), 0, 1),
      { kind: "summary", changes: { create: 1, same: 2 }, durationMs: 400, result: "succeeded", dryRun: true },
    ]);
    assert.match(text, /^Previewing update \(dev\):\n \+ {2}test:index:Thing new create\n/);
    assert.match(text, /\+ {2}1 to create\n {4}2 unchanged\n\nDuration: 0\.4s/);
    assert.doesNotMatch(text, /failed/);
  });

  it("shows both passes of an update, and what comes after them", () => {
    const passes = (dryRun: boolean): EngineEvent[] => [
      prelude("update", dryRun),
      ...whole(step("create", "new", { news: {} }), 0, 1),
      { kind: "summary", changes: { create: 1 }, durationMs: 1000, result: "succeeded", dryRun },
    ];
    const late: EngineEvent = {
      kind: "diagnostic",
      severity: "error",
      message: "the state could not be closed",
      at: 5,
    };
    const events = [...passes(true), ...passes(false), late];
    const text = shown(events, { mode: "tree", tty: true });
    assert.match(
      text,
      /Previewing update \(dev\)[^]*1 to create[^]*Updating \(dev\)[^]*1 created[^]*Diagnostics:[^]*could not be closed/,
    );
    assert.equal(text.match(/Duration/g)?.length, 2);
    const plain = shown(events);
    assert.match(
      plain,
      /^Previewing[^]*1 to create[^]*Updating \(dev\):\n[^]*1 created[^]*error: the state could not be closed\n$/,
    );
    const document = JSON.parse(shown(events, { mode: "json" })) as Record<string, unknown>;
    assert.equal(document.operation, "update");
    assert.equal((document.diagnostics as unknown[]).length, 1);
  });

  it("tells a resource that a refresh did not find as deleted", () => {
    const found = step("refresh", "drifted", { olds: { a: 1 }, news: { a: 2 }, detailed: { a: "update" } });
    const events = [
      prelude("refresh", false),
      ...whole(step("refresh", "lost", { olds: { a: 1 } }), 0, 1),
      ...whole(found, 0, 1),
    ];
    const text = shown(events);
    assert.match(text, / - {2}test:index:Thing lost deleted/);
    assert.match(text, / ~ {2}test:index:Thing drifted refreshed .*\[diff: ~a\]/);
    assert.match(shown(events, { mode: "diff" }), /- {2}test:index:Thing lost \(delete\)/);
  });

  it("shows policies with pack, level and resource, mandatory ones first", () => {
    const policy = (level: "advisory" | "mandatory", name: string): EngineEvent => ({
      kind: "policy",
      pack: "ballast",
      policy: name,
      level,
      severity: "high",
      urn: urnOf("test:index:Thing", "new"),
      message: "No limits.\nSet them.",
      at: 5,
    });
    const events = [prelude("preview", true), policy("advisory", "advice"), policy("mandatory", "limits")];
    assert.match(
      shown(events, { mode: "tree", tty: true }),
      /Policies:\n {2}✖ ballast\n {4}- \[mandatory high\] limits {2}\(test:index:Thing: new\)\n {6}No limits\.\n {6}Set them\.\n {4}- \[advisory high\] advice/,
    );
    assert.match(shown(events), /policy pack ballast:\n {4}- \[advisory high\] advice/);
  });

  it("reports a long wait at intervals in plain output", () => {
    const info = step("create", "slow", { news: {} });
    const status = (message: string, at: number): EngineEvent => ({ kind: "step-status", urn: info.urn, message, at });
    const text = shown([
      prelude("update", false),
      { kind: "step-start", step: info, at: 0 },
      status("waiting for 1 of 3", 1000),
      status("waiting for 2 of 3", 11_000),
      status("waiting for 3 of 3", 12_000),
      status("waiting still", 31_000),
    ]);
    assert.doesNotMatch(text, /1 of 3|3 of 3/);
    assert.match(text, /slow waiting for 2 of 3 \(11s\)\n.*slow waiting still \(31s\)/);
  });

  describe("--diff", () => {
    const diff = (info: StepInfo, showSecrets = false): string =>
      shown([...whole(info, 0, 1)], { mode: "diff", showSecrets });

    it("shows old and new by path, what forces a replacement, and no secret", () => {
      const info = step("replace", "db", {
        olds: { zone: "a", size: 1, labels: { x: "1" }, password: new Secret({ a: "old" }) },
        news: { zone: "b", size: UNKNOWN, labels: {}, password: new Secret({ a: "new" }), list: ["one"] },
        detailed: {
          zone: "update-replace",
          size: "update",
          "labels.x": "delete",
          "password.a": "update",
          "list[0]": "add",
        },
      });
      assert.equal(
        diff(info),
        `+- test:index:Thing db (replace)
    [urn=${info.urn}]
    [id=db-id]
  ~ zone: "a" => "b" (forces replacement)
  ~ size: 1 => [unknown]
  - labels.x: "1"
  ~ password.a: [secret] => [secret]
  + list[0]: "one"

`,
      );
      assert.match(diff(info, true), /password\.a: "old" => "new"/);
    });

    it("shows a property that falls back to its default as gone", () => {
      const text = diff(step("update", "x", { olds: { limit: 3 }, news: {}, detailed: { limit: "update" } }));
      assert.match(text, /\n {2}- limit: 3\n/);
    });

    it("finds the differences itself where the provider names none", () => {
      const text = diff(step("update", "x", { olds: { a: { b: 1, c: 2 } }, news: { a: { b: 1, c: 3 } } }));
      assert.match(text, /\n {2}~ a\.c: 2 => 3\n/);
    });

    it("shows the lines of a text that differ", () => {
      const text = diff(step("update", "x", { olds: { script: "a\nb\nc" }, news: { script: "a\nB\nc" } }));
      assert.match(text, /~ script:\n {8}… 1 equal line\n {6}- b\n {6}\+ B\n\n/);
    });

    it("shows all inputs of what is created, and none of the internal keys", () => {
      const labels = Object.fromEntries(["one", "two", "three", "four"].map((key) => [key, "a value of some length"]));
      const text = diff(step("create", "x", { news: { __defaults: [], size: 1, metadata: { labels } } }));
      assert.match(
        text,
        /\n {4}size {4}: 1\n {4}metadata: \{\n {8}labels: \{\n {12}one {2}: "a value of some length"\n/,
      );
      assert.doesNotMatch(text, /__defaults/);
    });

    it("says nothing of what stays", () => {
      assert.equal(diff(step("same", "x", { olds: {}, news: {} })), "");
    });
  });

  describe("--json", () => {
    it("writes a preview in the CLI's form", () => {
      const info = step("update", "x", {
        olds: { a: 1, s: new Secret("hunter2") },
        news: { a: UNKNOWN, s: new Secret("hunter3") },
        detailed: { "a.b": "update" },
      });
      const text = shown(
        [
          prelude("preview", true),
          ...whole(info, 0, 1),
          { kind: "diagnostic", severity: "warning", message: "careful", at: 2 },
          { kind: "summary", changes: { update: 1 }, durationMs: 1500, result: "succeeded", dryRun: true },
        ],
        { mode: "json" },
      );
      assert.doesNotMatch(text, /hunter/);
      const document = JSON.parse(text) as Record<string, unknown>;
      assert.deepEqual(Object.keys(document), ["config", "steps", "diagnostics", "duration", "changeSummary"]);
      assert.deepEqual(document.config, { "demo:size": "3" });
      assert.equal(document.duration, 1_500_000_000);
      assert.deepEqual(document.changeSummary, { update: 1 });
      const [first] = document.steps as Record<string, unknown>[];
      assert.equal(first?.op, "update");
      assert.deepEqual(first.diffReasons, ["a"]);
      assert.deepEqual(first.detailedDiff, { "a.b": { diff: "update", inputDiff: true } });
      const newState = first.newState as { inputs: PropertyMap };
      assert.deepEqual(newState.inputs, { a: "04da6b54-80e4-46f7-96ec-b56ff0331ba9", s: "[secret]" });
    });

    it("writes a result of an update, also of one that broke off", () => {
      const document = JSON.parse(shown(update, { mode: "json" })) as Record<string, unknown>;
      assert.equal(document.result, "failed");
      assert.equal((document.outputs as PropertyMap).password, "[secret]");
      const steps = document.steps as { urn: string; failed?: string }[];
      assert.equal(steps.find(({ urn }) => urn.endsWith("::bad"))?.failed, "quota exceeded\nmore detail");
      assert.equal(
        steps.some(({ urn }) => urn.endsWith("::kept")),
        false,
      );
      const broken = JSON.parse(shown(update.slice(0, 4), { mode: "json" })) as Record<string, unknown>;
      assert.equal(broken.result, "failed");
    });
  });

  describe("tree", () => {
    const plain = (_style: string, text: string): string => text;
    const filled = (count: number, nameLength = 5): Model => {
      const model = new Model();
      model.add(prelude("update", false));
      model.add({ kind: "step-start", step: stackStep, at: 0 });
      for (let index = 0; index < count; index += 1) {
        const name = `${"n".repeat(nameLength)}${index}`;
        const info = step("create", name, { type: "kubernetes:apps/v1:StatefulSet", news: {} });
        model.add({ kind: "step-start", step: info, at: index });
        if (index % 100 !== 0) model.add({ kind: "step-end", step: info, at: index + 5 });
      }
      return model;
    };

    it("fits a narrow terminal and long names", () => {
      for (const width of [30, 40, 60, 80, 120]) {
        const model = filled(5, 100);
        const lines = treeLines(model, new Set(model.rows.keys()), width, 100, plain);
        for (const line of lines) assert.ok([...line].length < width, `${[...line].length} in ${width}: ${line}`);
      }
    });

    it("shows what is under way of thousands, and no more than fits", () => {
      const model = filled(3000);
      const chosen = active(model, 40);
      assert.ok(chosen.size <= 40);
      const running = [...model.rows.values()].filter(({ phase }) => phase === "running");
      assert.ok(running.every(({ urn }) => chosen.has(urn)));
      assert.equal(treeLines(model, chosen, 80, 3000, plain).length, chosen.size + 1);
    });

    it("shows parents of what is shown, and survives a parent that is its own", () => {
      const model = filled(1);
      const component = urnOf("my:Component", "group");
      const group = step("same", "group", { type: "my:Component", news: {}, olds: {} });
      for (const event of whole(group, 0, 0)) model.add(event);
      for (const event of whole(step("create", "child", { news: {}, parent: component }), 0, 9)) model.add(event);
      const lines = treeLines(model, new Set([urnOf("test:index:Thing", "child")]), 80, 9, plain);
      assert.match(lines.join("\n"), /└─ my:Component .*\n.* {3}└─ test:index:Thing/);
      const self = step("create", "self", { news: {}, parent: urnOf("test:index:Thing", "self") });
      for (const event of whole(self, 0, 1)) model.add(event);
      assert.ok(treeLines(model, new Set([self.urn]), 80, 9, plain).length > 1);
    });
  });

  it("draws live on a terminal in colour and clears up after itself", async () => {
    const stream = new Recording(true);
    const display = createDisplay({ mode: "tree", stream, color: true });
    for (const event of update.slice(0, 3)) display(event);
    display({ kind: "step-status", urn: stackUrn, message: "working", at: 10 });
    while (!stream.text.includes("under way")) await new Promise((resolve) => setTimeout(resolve, 20));
    display.close();
    assert.ok(stream.text.includes("\u001b[32m"));
    assert.match(stripVTControlCharacters(stream.text), /Updating \(dev\) {2}0 done, [12] under way/);
  });
});
