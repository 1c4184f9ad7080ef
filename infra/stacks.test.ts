import assert from "node:assert/strict";
import { environments } from "./config/schema";
import { declaredByProgram } from "./testing/program";

/** Types of the components that a stack declares; which cluster it is on is its own affair. */
async function componentsOf(stack: string) {
  const { declared, outputs } = await declaredByProgram(stack);
  const types = declared.map(({ type }) => type).filter((type) => /^ballast:(?!cluster:)/.test(type));
  return { components: new Set(types), omitted: outputs.omitted };
}

describe("the stacks", function () {
  this.timeout(60_000);

  it("have the same components, or say why not", async () => {
    const stacks = new Map<string, Awaited<ReturnType<typeof componentsOf>>>();
    for (const stack of environments) stacks.set(stack, await componentsOf(stack));
    const all = new Set([...stacks.values()].flatMap(({ components }) => [...components]));
    assert.ok(all.size > 0);
    for (const [stack, { components, omitted }] of stacks) {
      const lacking = [...all].filter((component) => !components.has(component));
      assert.deepEqual(lacking.sort(), Object.keys(omitted).sort(), stack);
      for (const reason of Object.values(omitted)) assert.match(reason, /\w+ \w+/, stack);
    }
  });
});
