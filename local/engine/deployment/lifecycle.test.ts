import assert from "node:assert/strict";
import { TestStack } from "../testing/harness";
import { UNKNOWN } from "../values";

describe("life of resources", () => {
  let stack: TestStack;
  beforeEach(() => {
    stack = new TestStack();
  });

  it("creates, leaves alone, updates and deletes", async () => {
    const first = await stack.pass(async (api) => {
      const a = await api.resource("a", { value: 1 });
      assert.deepEqual([a.id, a.outputs.stamp], ["id-1", "stamp of id-1"]);
      await api.resource("b", { value: 2 });
    });
    assert.deepEqual(first.changes, { create: 3 });
    assert.equal(stack.fake.world.size, 2);

    const second = await stack.pass(async (api) => {
      await api.resource("a", { value: 1 });
      await api.resource("b", { value: 3 });
    });
    assert.deepEqual(second.changes, { same: 2, update: 1 });
    assert.deepEqual([stack.fake.names("diff"), stack.fake.names("update")], [["b"], ["b"]]);
    assert.equal(stack.resource("b").outputs.value, 3);

    const third = await stack.pass(async (api) => void (await api.resource("b", { value: 3 })));
    assert.deepEqual(third.changes, { same: 2, delete: 1 });
    assert.deepEqual(stack.fake.names("delete"), ["a"]);
    assert.deepEqual([...stack.fake.world.keys()], ["id-2"]);

    const last = await stack.pass(async () => undefined);
    assert.deepEqual(last.changes, { delete: 2 });
    assert.deepEqual(stack.resources, []);
  });

  it("changes nothing in a preview, in which what is new is unknown", async () => {
    await stack.pass(async (api) => void (await api.resource("a", { value: 1 })));
    const preview = await stack.pass(
      async (api) => {
        const a = await api.resource("a", { value: 2 });
        assert.deepEqual([a.id, a.outputs.value, a.outputs.stamp], ["id-1", 2, UNKNOWN]);
        const b = await api.resource("b", { value: a.outputs.stamp ?? null });
        assert.deepEqual([b.id, b.outputs.value, b.outputs.stamp], [undefined, UNKNOWN, UNKNOWN]);
      },
      { dryRun: true },
    );
    assert.deepEqual(preview.errors, []);
    assert.deepEqual(preview.changes, { same: 1, update: 1, create: 1 });
    assert.deepEqual([stack.session.mutations, stack.fake.names("create"), stack.fake.names("update")], [[], [], []]);
  });

  it("deletes dependents before what they depend on", async () => {
    await stack.pass(async (api) => {
      const parent = await api.component("parent");
      const a = await api.resource("a", {}, { parent: parent.urn });
      const b = await api.resource(
        "b",
        { value: "x" },
        { propertyDependencies: { value: [a.urn] }, dependencies: [a.urn] },
      );
      await api.resource("c", {}, { dependencies: [b.urn] });
    });
    await stack.pass(async () => undefined);
    assert.deepEqual(stack.fake.names("delete"), ["c", "b", "a"]);
    assert.deepEqual(stack.resources, []);
  });

  it("gives automatic names that a preview and its update share, and that stay", async () => {
    await stack.pass(async (api) => void (await api.resource("a")));
    const { name } = stack.resource("a").inputs;
    assert.match(String(name), /^a-[0-9a-f]{7}$/);
    await stack.pass(async (api) => void (await api.resource("a", { value: 1 })));
    assert.equal(stack.resource("a").inputs.name, name);
  });

  it("records a change of dependencies without touching the resource", async () => {
    await stack.pass(async (api) => {
      await api.resource("a");
      await api.resource("b");
    });
    const report = await stack.pass(async (api) => {
      const a = await api.resource("a");
      await api.resource("b", {}, { dependencies: [a.urn] });
    });
    assert.deepEqual(report.changes, { same: 3 });
    assert.deepEqual(stack.resource("b").dependencies, [stack.urn("a")]);
  });

  it("refuses two resources of one URN, naming it", async () => {
    const report = await stack.pass(async (api) => {
      await api.resource("a");
      await api.resource("a");
    });
    assert.equal(report.result, "failed");
    assert.match(report.errors.join(), /two resources have the URN '.*::fake:m:Res::a'/);
  });

  it("shows what a provider finds wrong with inputs, and changes nothing", async () => {
    const report = await stack.pass(async (api) => void (await api.resource("a", { invalid: 1 })));
    assert.match(report.errors.join(), /fake:m:Res 'a' is not valid: invalid: must be absent/);
    assert.equal(stack.fake.world.size, 0);
  });

  it("deletes nothing after a failure", async () => {
    await stack.pass(async (api) => void (await api.resource("a")));
    const report = await stack.pass(async (api) => void (await api.resource("b", { fail: "no room" })));
    assert.equal(report.result, "failed");
    assert.deepEqual(report.errors, ["no room"]);
    assert.deepEqual(stack.fake.names("delete"), []);
    assert.ok(stack.resource("a"));
    assert.deepEqual(stack.session.snapshot.pendingOperations, []);
  });

  it("records components, their outputs and the stack's", async () => {
    const program = async (api: Parameters<Parameters<TestStack["pass"]>[0]>[0], value: number): Promise<void> => {
      const root = await api.component("proj-test", { type: "pulumi:pulumi:Stack" });
      const parent = await api.component("comp", { parent: root.urn });
      await api.resource("a", {}, { parent: parent.urn });
      await api.deployment.registerOutputs(parent.urn, { value });
      await api.deployment.registerOutputs(root.urn, { value });
    };
    const report = await stack.pass((api) => program(api, 1));
    assert.deepEqual(report.outputs, { value: 1 });
    assert.deepEqual(stack.resource("comp").outputs, { value: 1 });
    assert.equal(stack.resource("a").urn, stack.urn("a", "comp:m:Comp$fake:m:Res"));
    await stack.pass((api) => program(api, 1));
    assert.ok(
      stack.session.mutations.every((mutation) => mutation.kind === "put" && mutation.old === mutation.resource),
    );
    await stack.pass((api) => program(api, 2));
    assert.deepEqual(stack.resource("comp").outputs, { value: 2 });
  });
});
