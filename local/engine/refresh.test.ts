import assert from "node:assert/strict";
import { refreshResources } from "./refresh";
import { TestStack } from "./testing/harness";

describe("refresh", () => {
  const made = async (): Promise<TestStack> => {
    const stack = new TestStack();
    await stack.pass(async (api) => {
      const a = await api.resource("a", { value: 1 });
      const b = await api.resource(
        "b",
        {},
        { parent: a.urn, dependencies: [a.urn], propertyDependencies: { value: [a.urn] } },
      );
      await api.resource("c", { value: 1 }, { dependencies: [b.urn] });
    });
    return stack;
  };

  it("takes in what has changed, drops what has vanished, and leaves no name of it behind", async () => {
    const stack = await made();
    stack.fake.world.delete("id-1");
    stack.fake.world.set("id-3", { urn: "", inputs: { value: 7 } });
    const { changes } = await stack.act((run) => refreshResources(run, run.olds.all()));
    assert.deepEqual(changes, { delete: 1, same: 1, update: 1 });
    assert.equal(stack.resource("c").inputs.value, 7);
    const { parent, dependencies, propertyDependencies } = stack.resource("b");
    assert.deepEqual([parent, dependencies, propertyDependencies], [undefined, [], { value: [] }]);
    assert.equal(stack.resources.length, 3);
    const repaired = await stack.pass(async (api) => {
      const a = await api.resource("a", { value: 1 });
      const b = await api.resource("b", {}, { parent: a.urn, dependencies: [a.urn] });
      await api.resource("c", { value: 1 }, { dependencies: [b.urn] });
    });
    assert.deepEqual(repaired.errors, []);
    assert.deepEqual(repaired.changes, { same: 2, create: 1, update: 1 });
  });

  it("changes nothing in a preview", async () => {
    const stack = await made();
    stack.fake.world.delete("id-1");
    const { changes } = await stack.act((run) => refreshResources(run, run.olds.all()), { dryRun: true });
    assert.deepEqual([changes, stack.session.mutations], [{ delete: 1, same: 2 }, []]);
  });
});
