import assert from "node:assert/strict";
import { once } from "node:events";
import { TestStack } from "../testing/harness";
import type { Operation, ResourceState } from "../state/store";
import { Secret } from "../values";

describe("faults", () => {
  let stack: TestStack;
  beforeEach(() => {
    stack = new TestStack();
  });

  it("records what exists but is not ready, and updates it next time even if nothing has changed", async () => {
    const failed = await stack.pass(async (api) => void (await api.resource("a", { value: 1, partial: "not ready" })));
    assert.deepEqual([failed.result, failed.errors], ["failed", ["not ready"]]);
    assert.deepEqual([stack.resource("a").id, stack.resource("a").initErrors], ["id-1", ["not ready"]]);
    const again = await stack.pass(async (api) => void (await api.resource("a", { value: 1, partial: "not ready" })));
    assert.deepEqual([again.result, stack.fake.names("update")], ["failed", ["a"]]);
    const repaired = await stack.pass(async (api) => void (await api.resource("a", { value: 1 })));
    assert.deepEqual([repaired.changes, stack.resource("a").initErrors], [{ same: 1, update: 1 }, undefined]);
  });

  it("starts nothing after a failure, and lets what runs come to its end", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    stack.fake.hold = ({ name }) => (name === "slow" ? held : undefined);
    const report = await stack.pass(async (api) => {
      const slow = api.resource("slow");
      const bad = api.resource("bad", { fail: "broken" });
      await assert.rejects(bad, /broken/);
      await assert.rejects(api.resource("late"), /stopping/);
      release();
      await slow;
      throw new Error("as the SDK ends");
    });
    assert.deepEqual([report.result, report.errors], ["failed", ["broken"]]);
    assert.deepEqual(stack.fake.names("create").sort(), ["bad", "slow"]);
    assert.ok(stack.resource("slow").id);
  });

  it("Ctrl-C: what runs is finished and recorded, nothing new begins, nothing is deleted", async () => {
    await stack.pass(async (api) => void (await api.resource("unwanted")));
    const controller = new AbortController();
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    stack.fake.hold = ({ name }) => {
      if (name !== "slow") return undefined;
      controller.abort();
      return held;
    };
    const report = await stack.pass(
      async (api) => {
        const slow = api.resource("slow");
        await once(controller.signal, "abort");
        await assert.rejects(api.resource("late"), /stopping/);
        release();
        await slow;
      },
      { signal: controller.signal },
    );
    assert.equal(report.result, "canceled");
    assert.deepEqual([stack.fake.names("create"), stack.fake.names("delete")], [["slow"], []]);
    assert.ok(stack.resource("slow").id);
  });

  it("runs no more operations at once than asked", async () => {
    let running = 0;
    let most = 0;
    stack.fake.hold = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
    };
    await stack.pass(async (api) => void (await Promise.all([...Array(20).keys()].map((i) => api.resource(`r${i}`)))), {
      parallel: 3,
    });
    assert.equal(most, 3);
    most = 0;
    await stack.pass(async () => undefined, { parallel: 3 });
    assert.deepEqual([most, stack.resources.length], [3, 0]);
  });

  it("a bug in a provider is told as such, and its operation stays open", async () => {
    stack.fake.hold = () => Promise.reject(new TypeError("x is not a function"));
    const report = await stack.pass(async (api) => void (await api.resource("a")));
    assert.match(report.errors.join(), /the engine failed: TypeError: x is not a function/);
    assert.deepEqual(
      stack.session.snapshot.pendingOperations.map(({ type }) => type),
      ["creating"],
    );
  });

  describe("a creation cut off by kill -9", () => {
    const killed = async (): Promise<Operation> => {
      await stack.pass(async (api) => void (await api.resource("other")));
      const provider = stack.resource("other").provider;
      const resource: ResourceState = {
        urn: stack.urn("a"),
        custom: true,
        type: "fake:m:Res",
        inputs: { name: "a-1", pw: new Secret("x") },
        outputs: {},
        provider,
      };
      return { type: "creating", resource };
    };
    const both = async (api: Parameters<Parameters<TestStack["pass"]>[0]>[0]): Promise<void> => {
      await api.resource("other");
      await api.resource("a", { name: "a-1", pw: new Secret("x") });
    };

    it("takes over what its provider finds", async () => {
      const operation = await killed();
      stack.fake.world.set("found", { urn: stack.urn("a"), inputs: { name: "a-1", pw: "x" } });
      stack.fake.recovers = "found";
      stack.reopen({ resources: stack.resources, pendingOperations: [operation] });
      const report = await stack.pass(both);
      assert.deepEqual([report.errors, report.changes], [[], { same: 2, update: 1 }]);
      assert.deepEqual([stack.resource("a").id, stack.resource("a").inputs.pw], ["found", new Secret("x")]);
      assert.deepEqual(stack.session.snapshot.pendingOperations, []);
    });

    it("makes it anew when there is nothing", async () => {
      const operation = await killed();
      stack.fake.recovers = "nothing";
      stack.reopen({ resources: stack.resources, pendingOperations: [operation] });
      assert.deepEqual((await stack.pass(both)).changes, { same: 2, create: 1 });
      assert.deepEqual(stack.session.snapshot.pendingOperations, []);
    });

    it("says what to do when the provider cannot tell, and keeps the operation", async () => {
      const operation = await killed();
      stack.reopen({ resources: stack.resources, pendingOperations: [operation] });
      const report = await stack.pass(both);
      const warning = report.events.find((event) => event.kind === "diagnostic" && event.severity === "warning");
      assert.match(
        warning?.kind === "diagnostic" ? warning.message : "",
        /interrupted while it created this, and the engine cannot tell/,
      );
      assert.equal(stack.session.snapshot.pendingOperations.length, 1);
    });
  });

  describe("cut off by kill -9, with the program changed back before the next run", () => {
    const program = async (api: Parameters<Parameters<TestStack["pass"]>[0]>[0]): Promise<void> =>
      void (await api.resource("a", { value: 1 }));
    const reopenWith = (type: Operation["type"]): void => {
      const operation: Operation = { type, resource: { ...stack.resource("a"), inputs: { value: 2 } } };
      stack.reopen({ resources: stack.resources, pendingOperations: [operation] });
    };
    beforeEach(() => stack.pass(program));

    it("an update is done again, for nobody knows whether it was done", async () => {
      reopenWith("updating");
      assert.deepEqual((await stack.pass(program, { dryRun: true })).changes, { same: 1, update: 1 });
      reopenWith("updating");
      assert.deepEqual((await stack.pass(program)).changes, { same: 1, update: 1 });
      assert.deepEqual([stack.fake.names("update"), stack.resource("a").initErrors], [["a"], undefined]);
    });

    it("what was deleted is made again", async () => {
      stack.fake.world.clear();
      reopenWith("deleting");
      const report = await stack.pass(program);
      assert.deepEqual([report.errors, stack.fake.names("create"), stack.fake.names("delete")], [[], ["a"], []]);
      assert.deepEqual([stack.resource("a").id, stack.resource("a").pendingReplacement], ["id-2", undefined]);
    });

    it("what was not deleted yet stays as it is", async () => {
      reopenWith("deleting");
      assert.deepEqual((await stack.pass(program)).changes, { same: 2 });
    });

    it("what was deleted and is not wanted is forgotten", async () => {
      stack.fake.world.clear();
      reopenWith("deleting");
      await stack.pass(async () => undefined);
      assert.deepEqual([stack.fake.names("delete"), stack.resources], [[], []]);
    });
  });
});
