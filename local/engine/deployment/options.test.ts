import assert from "node:assert/strict";
import { TestStack } from "../testing/harness";
import { Secret, UNKNOWN } from "../values";

describe("resource options", () => {
  let stack: TestStack;
  beforeEach(() => {
    stack = new TestStack();
  });

  it("protect: neither deleted nor replaced, in a preview too, and children have it from their parent", async () => {
    await stack.pass(async (api) => {
      const parent = await api.component("parent", { protect: true });
      await api.resource("a", { immutable: 1 }, { parent: parent.urn });
    });
    for (const dryRun of [true, false]) {
      const gone = await stack.pass(async () => undefined, { dryRun });
      assert.match(gone.errors.join(), /protected and cannot be deleted: .*remove 'protect'/);
      const changed = await stack.pass(
        async (api) => {
          const parent = await api.component("parent", { protect: true });
          await api.resource("a", { immutable: 2 }, { parent: parent.urn });
        },
        { dryRun },
      );
      assert.match(changed.errors.join(), /must be replaced, but it is protected/);
    }
    assert.deepEqual([stack.fake.names("delete"), stack.resources.length], [[], 3]);
  });

  it("retainOnDelete: leaves the state, stays in the world", async () => {
    await stack.pass(async (api) => void (await api.resource("a", {}, { retainOnDelete: true })));
    const report = await stack.pass(async () => undefined);
    assert.deepEqual(report.changes, { delete: 2 });
    assert.deepEqual([stack.resources.length, stack.fake.names("delete"), stack.fake.world.size], [0, [], 1]);
  });

  it("deletedWith: not deleted by itself when the other goes", async () => {
    const both = async (api: Parameters<Parameters<TestStack["pass"]>[0]>[0]): Promise<void> => {
      const a = await api.resource("a");
      await api.resource("b", {}, { deletedWith: a.urn });
    };
    await stack.pass(both);
    await stack.pass(async (api) => void (await api.resource("a")));
    assert.deepEqual(stack.fake.names("delete"), ["b"]);
    await stack.pass(both);
    await stack.pass(async () => undefined);
    assert.deepEqual(stack.fake.names("delete"), ["a"]);
    assert.deepEqual(stack.resources, []);
  });

  it("ignoreChanges: what is ignored stays as it was", async () => {
    const program = (n: number) =>
      stack.pass(
        async (api) =>
          void (await api.resource(
            "a",
            { spec: { keep: n, list: [{ x: n, y: 1 }] }, seen: 1 },
            { ignoreChanges: ["spec.keep", "spec.list[0].x"] },
          )),
      );
    await program(1);
    assert.deepEqual((await program(2)).changes, { same: 2 });
    assert.deepEqual(stack.resource("a").inputs.spec, { keep: 1, list: [{ x: 1, y: 1 }] });
  });

  it("customTimeouts: reach the provider, and are kept for the deletion", async () => {
    const timeouts = { create: 5, update: 6, delete: 7 };
    await stack.pass(async (api) => void (await api.resource("a", { value: 1 }, { timeouts })));
    assert.deepEqual(stack.fake.calls.find(({ method }) => method === "create")?.timeoutSeconds, 5);
    await stack.pass(async (api) => void (await api.resource("a", { value: 2 }, { timeouts })));
    assert.deepEqual(stack.fake.calls.find(({ method }) => method === "update")?.timeoutSeconds, 6);
    await stack.pass(async () => undefined);
    assert.deepEqual(stack.fake.calls.find(({ method }) => method === "delete")?.timeoutSeconds, 7);
  });

  it("aliases: a renamed, moved or retyped resource stays what it is, and its children with it", async () => {
    await stack.pass(async (api) => {
      const parent = await api.component("old");
      await api.resource("old-child", {}, { parent: parent.urn });
      await api.resource("typed", {}, { type: "fake:m:Old" });
      await api.resource("loose");
      await api.resource("user", {}, { dependencies: [stack.urn("loose")] });
    });
    const report = await stack.pass(async (api) => {
      const parent = await api.component("new", { aliases: [{ name: "old" }] });
      await api.resource("new-child", {}, { parent: parent.urn });
      await api.resource("typed", {}, { aliases: [{ type: "fake:m:Old" }] });
      const moved = await api.resource("loose", {}, { parent: parent.urn, aliases: [{ parent: null }] });
      await api.resource("user", {}, { dependencies: [moved.urn] });
    });
    assert.deepEqual(report.errors, []);
    assert.deepEqual(report.changes, { same: 6 });
    assert.equal(stack.fake.world.size, 4);
    assert.ok(stack.resource("new-child").urn.includes("comp:m:Comp$fake:m:Res"));
    const again = await stack.pass(async (api) => {
      const parent = await api.component("newest", { aliases: [stack.urn("new", "comp:m:Comp")] });
      await api.resource("new-child", {}, { parent: parent.urn });
    });
    assert.deepEqual(again.changes, { same: 3, delete: 3 });
  });

  it("aliases: alone they are no reason to write the state", async () => {
    const program = (aliases: string[]) => stack.pass(async (api) => void (await api.resource("a", {}, { aliases })));
    await program([]);
    await program([stack.urn("before")]);
    assert.ok(
      stack.session.mutations.every((mutation) => mutation.kind === "put" && mutation.old === mutation.resource),
    );
  });

  it("aliases: after a failure nothing in the state names what has been renamed", async () => {
    await stack.pass(async (api) => {
      const parent = await api.component("old");
      await api.resource("child", {}, { parent: parent.urn });
    });
    const report = await stack.pass(async (api) => {
      await api.component("new", { aliases: [{ name: "old" }] });
      await api.resource("bad", { fail: "stop here" });
    });
    assert.equal(report.result, "failed");
    const urns = new Set(stack.resources.map(({ urn }) => urn));
    for (const { parent } of stack.resources)
      assert.ok(parent === undefined || urns.has(parent), `${parent} is not in the state`);
  });

  it("secrets: inputs, outputs named by additionalSecretOutputs and the provider's own stay secret", async () => {
    const program = (value: string) =>
      stack.pass(async (api) => {
        const made = await api.resource(
          "a",
          { value: new Secret(value), nested: { plain: 1, hidden: new Secret(2) }, secretOutput: "s" },
          { additionalSecretOutputs: ["stamp"] },
        );
        assert.deepEqual(made.outputs.value, new Secret(value));
        assert.deepEqual(made.outputs.nested, { plain: 1, hidden: new Secret(2) });
        assert.ok(made.outputs.secretOutput instanceof Secret && made.outputs.stamp instanceof Secret);
      });
    await program("one");
    assert.deepEqual(stack.resource("a").inputs.value, new Secret("one"));
    const seen = stack.fake.calls.find(({ method }) => method === "create")?.inputs;
    assert.deepEqual([seen?.value, seen?.nested], ["one", { plain: 1, hidden: 2 }]);
    assert.deepEqual((await program("one")).changes, { same: 2 });
    assert.deepEqual((await program("two")).changes, { same: 1, update: 1 });
  });

  it("secrets: becoming secret is recorded without an update", async () => {
    await stack.pass(async (api) => void (await api.resource("a", { value: 1 })));
    const report = await stack.pass(async (api) => void (await api.resource("a", { value: new Secret(1) })));
    assert.deepEqual(report.changes, { same: 2 });
    assert.deepEqual(stack.resource("a").outputs.value, new Secret(1));
  });

  it("import: takes over what exists, and only as it is", async () => {
    stack.fake.world.set("ext", { urn: "", inputs: { value: 1, name: "ext" } });
    const wrong = await stack.pass(
      async (api) => void (await api.resource("a", { value: 2, name: "ext" }, { importId: "ext" })),
    );
    assert.match(wrong.errors.join(), /'ext' differs from the program in value/);
    const preview = await stack.pass(
      async (api) => void (await api.resource("a", { value: 2, name: "ext" }, { importId: "ext" })),
      { dryRun: true },
    );
    assert.deepEqual([preview.result, preview.changes], ["succeeded", { same: 1, import: 1 }]);
    const missing = await stack.pass(async (api) => void (await api.resource("a", {}, { importId: "nothing" })));
    assert.match(missing.errors.join(), /cannot import 'nothing'/);
    const program = (value: number) =>
      stack.pass(async (api) => void (await api.resource("a", { value, name: "ext" }, { importId: "ext" })));
    assert.deepEqual((await program(1)).changes, { same: 1, import: 1 });
    assert.deepEqual([stack.resource("a").id, stack.resource("a").importID], ["ext", "ext"]);
    assert.deepEqual((await program(1)).changes, { same: 2 });
    assert.deepEqual((await program(2)).changes, { same: 1, update: 1 });
    assert.deepEqual(stack.fake.names("create"), []);
  });

  it("get: reads what something else manages, and never deletes it", async () => {
    stack.fake.world.set("ext", { urn: "", inputs: { value: 1 } });
    const get = (id: string | undefined, dryRun = false) =>
      stack.pass(
        async (api) => {
          const got = await api.deployment.readResource({
            type: "fake:m:Res",
            name: "a",
            id,
            inputs: {},
            dependencies: [],
            additionalSecretOutputs: [],
          });
          if (id !== undefined) assert.deepEqual([got.id, got.outputs.value], ["ext", 1]);
        },
        { dryRun },
      );
    assert.deepEqual((await get(undefined, true)).errors, []);
    assert.deepEqual((await get("ext")).changes, { create: 1, read: 1 });
    assert.equal(stack.resource("a").external, true);
    await stack.pass(async () => undefined);
    assert.deepEqual([stack.fake.world.size, stack.resources.length], [1, 0]);
    const missing = await stack.pass(
      async (api) =>
        void (await api.deployment.readResource({
          type: "fake:m:Res",
          name: "a",
          id: "no",
          inputs: {},
          dependencies: [],
          additionalSecretOutputs: [],
        })),
    );
    assert.match(missing.errors.join(), /there is no fake:m:Res with the id 'no'/);
  });

  it("invokes: answer, and fail in the program only", async () => {
    const report = await stack.pass(async (api) => {
      assert.deepEqual(await api.deployment.invoke("fake:m:getThing", { key: "k" }, undefined, "1.0.0"), {
        result: "got k",
        hidden: new Secret("hidden"),
      });
      await assert.rejects(
        api.deployment.invoke("fake:m:nothing", {}, undefined, "1.0.0"),
        /no function 'fake:m:nothing'/,
      );
    });
    assert.deepEqual([report.result, report.errors], ["succeeded", []]);
  });

  it("unknown provider inputs in a preview are passed on", async () => {
    const report = await stack.pass(
      async (api) => {
        const provider = await api.resource("prov", { token: UNKNOWN }, { type: "pulumi:providers:fake" });
        await api.resource(
          "a",
          {},
          { provider: `${provider.urn}::${provider.id ?? "04da6b54-80e4-46f7-96ec-b56ff0331ba9"}` },
        );
      },
      { dryRun: true },
    );
    assert.deepEqual([report.errors, report.changes], [[], { create: 2 }]);
    assert.deepEqual(stack.fake.calls.find(({ method }) => method === "configure")?.inputs, { token: UNKNOWN });
  });
});
