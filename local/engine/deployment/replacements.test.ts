import assert from "node:assert/strict";
import { TestStack } from "../testing/harness";

describe("replacement", () => {
  let stack: TestStack;
  beforeEach(() => {
    stack = new TestStack();
  });

  const order = (): string[] =>
    stack.fake.calls
      .filter(({ method }) => method === "create" || method === "delete")
      .map(({ method, name }) => `${method} ${name}`);

  it("creates the new one first, moves dependents over, then deletes the old one", async () => {
    const program = (immutable: string) =>
      stack.pass(async (api) => {
        const a = await api.resource("a", { immutable });
        await api.resource(
          "b",
          { value: a.outputs.stamp ?? null },
          { dependencies: [a.urn], propertyDependencies: { value: [a.urn] } },
        );
      });
    await program("x");
    const name = stack.resource("a").inputs.name;
    const report = await program("y");
    assert.deepEqual(report.changes, { same: 1, replace: 1, update: 1 });
    assert.deepEqual(order(), ["create a", "delete a"]);
    assert.notEqual(stack.resource("a").inputs.name, name, "the new one must not collide with the old one's name");
    assert.equal(stack.resource("b").inputs.value, "stamp of id-3");
    assert.deepEqual([...stack.fake.world.keys()], ["id-2", "id-3"]);
    const step = report.events.find((event) => event.kind === "step-end" && event.step.op === "replace");
    assert.deepEqual(step?.kind === "step-end" && step.step.replaceReasons, ["immutable"]);
  });

  it("deletes first when the name is taken, and before that what would have to be replaced along with it", async () => {
    const program = (named: string) =>
      stack.pass(async (api) => {
        const a = await api.resource("a", { named, name: "fixed" });
        await api.resource(
          "b",
          { immutable: a.outputs.stamp ?? null },
          { dependencies: [a.urn], propertyDependencies: { immutable: [a.urn] } },
        );
        await api.resource(
          "c",
          { value: a.outputs.stamp ?? null },
          { dependencies: [a.urn], propertyDependencies: { value: [a.urn] } },
        );
      });
    await program("x");
    const report = await program("y");
    assert.deepEqual(report.errors, []);
    assert.deepEqual(order(), ["delete b", "delete a", "create a", "create b"]);
    assert.deepEqual(report.changes, { same: 1, replace: 2, update: 1 });
    assert.equal(stack.resources.filter(({ pendingReplacement }) => pendingReplacement === true).length, 0);
    assert.deepEqual((await program("y")).changes, { same: 4 });
  });

  it("obeys deleteBeforeReplace either way, and replaceOnChanges", async () => {
    const program = (value: number, deleteBeforeReplace: boolean) =>
      stack.pass(async (api) => {
        await api.resource(
          "a",
          { deep: { value }, other: value },
          { replaceOnChanges: ["deep.value"], deleteBeforeReplace },
        );
        await api.resource("b", { named: value }, { deleteBeforeReplace: false });
        await api.resource("c", { value }, { replaceOnChanges: ["*"] });
        await api.resource("d", { value }, { replaceOnChanges: ["elsewhere"] });
      });
    await program(1, true);
    const report = await program(2, true);
    assert.deepEqual(report.changes, { same: 1, replace: 3, update: 1 });
    assert.deepEqual(order().slice(0, 2), ["delete a", "create a"]);
    assert.ok(order().indexOf("create b") < order().indexOf("delete b"));
  });

  it("finishes a replacement that was cut off after the deletion", async () => {
    await stack.pass(async (api) => void (await api.resource("a", { named: 1 })));
    const report = await stack.pass(async (api) => void (await api.resource("a", { named: 2, fail: "no" })));
    assert.equal(report.result, "failed");
    assert.equal(stack.resource("a").pendingReplacement, true);
    const again = await stack.pass(async (api) => void (await api.resource("a", { named: 2 })));
    assert.deepEqual(again.changes, { same: 1, replace: 1 });
    assert.deepEqual(order(), ["create a"]);
    assert.equal(stack.resource("a").pendingReplacement, undefined);
  });

  it("forgets one that was cut off and is no longer in the program", async () => {
    await stack.pass(async (api) => void (await api.resource("a", { named: 1 })));
    await stack.pass(async (api) => void (await api.resource("a", { named: 2, fail: "no" })));
    await stack.pass(async () => undefined);
    assert.deepEqual([stack.resources, stack.fake.names("delete")], [[], []]);
  });

  it("deletes what an earlier run has replaced and could not delete", async () => {
    await stack.pass(async (api) => void (await api.resource("a", { immutable: 1, undeletable: true })));
    const failed = await stack.pass(async (api) => void (await api.resource("a", { immutable: 2 })));
    assert.match(failed.errors.join(), /cannot be deleted/);
    const generations = stack.resources
      .filter(({ urn }) => urn === stack.urn("a"))
      .map(({ id, delete: gone }) => [id, gone ?? false]);
    assert.deepEqual(generations.sort(), [
      ["id-1", true],
      ["id-2", false],
    ]);
    const leftover = stack.resources.find((resource) => resource.delete === true);
    assert.ok(leftover);
    leftover.inputs = {};
    const report = await stack.pass(async (api) => void (await api.resource("a", { immutable: 2 })));
    assert.deepEqual(report.changes, { same: 2 });
    assert.deepEqual([...stack.fake.world.keys()], ["id-2"]);
  });

  it("replaces everything on a provider that moves to other infrastructure", async () => {
    const program = (inputs: Record<string, string>) =>
      stack.pass(async (api) => {
        const provider = await api.resource("prov", inputs, { type: "pulumi:providers:fake" });
        await api.resource("a", {}, { provider: `${provider.urn}::${provider.id}` });
      });
    await program({ cluster: "one" });
    assert.deepEqual((await program({ cluster: "one", token: "new" })).changes, { update: 1, same: 1 });
    assert.deepEqual(stack.fake.names("delete"), []);
    const report = await program({ cluster: "two", token: "new" });
    assert.deepEqual(report.changes, { replace: 2 });
    assert.deepEqual(order(), ["create a", "delete a"]);
    assert.equal(stack.resources.length, 2);
  });

  it("replaces what must be replaced along with another (replaceWith)", async () => {
    const program = (immutable: number) =>
      stack.pass(async (api) => {
        const a = await api.resource("a", { immutable });
        await api.resource("b", {}, { replaceWith: [a.urn] });
      });
    await program(1);
    assert.deepEqual((await program(2)).changes, { same: 1, replace: 2 });
  });
});
