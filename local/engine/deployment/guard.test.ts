import assert from "node:assert/strict";
import type { PolicyResource, PolicyRunner } from "../policy/policy";
import { TestStack } from "../testing/harness";

class FakePolicy implements PolicyRunner {
  readonly analyzed: string[] = [];
  whole: readonly PolicyResource[] = [];
  remediate = async ({ properties }: PolicyResource) =>
    "size" in properties ? { ...properties, size: 1 } : properties;
  analyze = async ({ name, properties }: PolicyResource) => {
    this.analyzed.push(name);
    return properties.forbidden === undefined ? 0 : 1;
  };
  analyzeStack = async (resources: readonly PolicyResource[]) => {
    this.whole = resources;
    return resources.some(({ properties }) => properties.stamp === "forbidden") ? 1 : 0;
  };
  close = async () => undefined;
}

describe("policies in a deployment", () => {
  it("see every resource, after remediation, and the stack as a whole", async () => {
    const stack = new TestStack();
    const policy = new FakePolicy();
    const report = await stack.pass(async (api) => void (await api.resource("a", { size: 5 })), { policies: [policy] });
    assert.equal(report.result, "succeeded");
    assert.equal(stack.resource("a").inputs.size, 1);
    assert.deepEqual(policy.analyzed.sort(), ["a", "default"]);
    const seen = policy.whole.find(({ name }) => name === "a");
    assert.deepEqual([seen?.properties.stamp, seen?.provider?.name], ["stamp of id-1", "default"]);
  });

  it("stop a preview, which finds all violations, before anything changes", async () => {
    const stack = new TestStack();
    const report = await stack.pass(
      async (api) => {
        await api.resource("a", { forbidden: 1 });
        await api.resource("b", { forbidden: 1 });
      },
      { policies: [new FakePolicy()], dryRun: true },
    );
    assert.deepEqual(
      [report.result, report.errors],
      ["failed", ["2 mandatory policy violations; nothing has been changed"]],
    );
  });

  it("stop an update at the first violation", async () => {
    const stack = new TestStack();
    const report = await stack.pass(async (api) => void (await api.resource("a", { forbidden: 1 })), {
      policies: [new FakePolicy()],
    });
    assert.deepEqual(
      [report.result, report.errors, stack.fake.world.size],
      ["failed", ["it violates a mandatory policy"], 0],
    );
  });
});
