import assert from "node:assert/strict";
import type { ResourceState } from "../state/store";
import { inReverseOrder } from "./deletion";

const resource = (urn: string, more: Partial<ResourceState> = {}): ResourceState => ({
  urn,
  custom: true,
  type: "t:m:R",
  inputs: {},
  outputs: {},
  ...more,
});

describe("deletion in reverse order", () => {
  it("waits for dependents, children and users of a provider, and does the rest at the same time", async () => {
    const all = [
      resource("provider"),
      resource("parent"),
      resource("child", { parent: "parent", provider: "provider::id" }),
      resource("other", { propertyDependencies: { p: ["child"] } }),
      resource("free"),
    ];
    const order: string[] = [];
    await inReverseOrder(all, async ({ urn }) => void order.push(urn));
    assert.deepEqual(new Set(order.slice(0, 2)), new Set(["free", "other"]));
    assert.deepEqual(order.slice(2, 3), ["child"]);
    assert.deepEqual(new Set(order.slice(3)), new Set(["provider", "parent"]));
  });

  it("keeps what a resource that could not be deleted names, and deletes the rest", async () => {
    const all = [
      resource("a"),
      resource("b", { dependencies: ["a"] }),
      resource("c"),
      resource("d", { dependencies: ["c"] }),
    ];
    const gone: string[] = [];
    const attempt = inReverseOrder(all, async ({ urn }) => {
      if (urn === "b") throw new Error("b stays");
      gone.push(urn);
    });
    await assert.rejects(attempt, /b stays/);
    assert.deepEqual(gone.sort(), ["c", "d"]);
  });

  it("is not confused by two generations that name each other", async () => {
    const all = [
      resource("x", { delete: true }),
      resource("y", { dependencies: ["x"] }),
      resource("x", { dependencies: ["y"] }),
    ];
    let count = 0;
    await inReverseOrder(all, async () => void count++);
    assert.equal(count, 3);
  });
});
