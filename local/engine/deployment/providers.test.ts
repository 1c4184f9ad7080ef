import assert from "node:assert/strict";
import { TestStack } from "../testing/harness";

describe("providers of resources", () => {
  let stack: TestStack;
  beforeEach(() => {
    stack = new TestStack();
  });

  it("makes one default provider for each version, configured from the package's namespace", async () => {
    const report = await stack.pass(
      async (api) => {
        await Promise.all([
          api.resource("a", {}, { version: "1.0.0" }),
          api.resource("b", {}, { version: "1.0.0" }),
          api.resource("c", {}, { version: "2.0.0" }),
        ]);
      },
      {
        config: { "fake:context": "here", "proj:context": "elsewhere", "fake:token": "t" },
        secretKeys: ["fake:token"],
      },
    );
    assert.deepEqual(report.changes, { create: 5 });
    assert.equal(stack.resource("a").provider, stack.resource("b").provider);
    assert.ok(stack.resource("c").provider?.includes("::default_2_0_0::"));
    const configured = stack.fake.calls.filter(({ method }) => method === "configure").map(({ inputs }) => inputs);
    assert.deepEqual(configured, [
      { context: "here", token: "t" },
      { context: "here", token: "t" },
    ]);
    assert.equal(stack.fake.closed, 2);
  });

  it("moves resources to the default provider of another version without replacing them", async () => {
    await stack.pass(async (api) => void (await api.resource("a", {}, { version: "1.0.0" })));
    const report = await stack.pass(async (api) => void (await api.resource("a", {}, { version: "1.1.0" })));
    assert.deepEqual(report.changes, { create: 1, same: 1, delete: 1 });
    assert.ok(stack.resource("a").provider?.includes("::default_1_1_0::"));
  });

  it("gives children the provider of their parent", async () => {
    await stack.pass(async (api) => {
      const provider = await api.resource("prov", {}, { type: "pulumi:providers:fake" });
      const reference = `${provider.urn}::${provider.id}`;
      const parent = await api.component("parent", { providers: { fake: reference } });
      const inner = await api.component("inner", { parent: parent.urn });
      const a = await api.resource("a", {}, { parent: inner.urn });
      await api.resource("b", {}, { parent: a.urn });
      await api.resource("c");
    });
    const explicit = stack.resource("prov");
    for (const name of ["a", "b"]) assert.equal(stack.resource(name).provider, `${explicit.urn}::${explicit.id}`);
    assert.ok(stack.resource("c").provider?.includes("::default::"));
  });

  it("shows what is wrong with a provider's configuration once", async () => {
    const report = await stack.pass(
      async (api) => {
        const made = await Promise.allSettled([api.resource("a"), api.resource("b")]);
        assert.ok(made.every(({ status }) => status === "rejected"));
      },
      { config: { "fake:broken": "yes" } },
    );
    assert.deepEqual(report.errors, ["pulumi:providers:fake 'default' is not valid: broken: must be absent"]);
  });

  it("names a package that it has no provider of, and what to do", async () => {
    const report = await stack.pass(
      async (api) => void (await api.resource("a", {}, { type: "aws:s3/bucket:Bucket" })),
    );
    assert.equal(report.result, "failed");
    assert.match(report.errors.join(), /no provider 'aws' \(it has fake\); install the Pulumi CLI/);
  });

  it("accepts such a package in an offline preview, with unknown outputs", async () => {
    const report = await stack.pass(
      async (api) => {
        const bucket = await api.resource("a", { acl: "private" }, { type: "aws:s3/bucket:Bucket" });
        assert.deepEqual([bucket.id, bucket.outputs], [undefined, { acl: "private" }]);
        await assert.rejects(
          api.deployment.invoke("aws:index/getRegion:getRegion", {}, undefined),
          /needs a provider that the embedded engine lacks/,
        );
      },
      { dryRun: true, offline: true },
    );
    assert.deepEqual([report.errors, report.changes], [[], { create: 2 }]);
  });

  it("deletes with the configuration in the state when the program no longer has the provider", async () => {
    await stack.pass(async (api) => {
      const provider = await api.resource("prov", { token: "old" }, { type: "pulumi:providers:fake" });
      await api.resource("a", {}, { provider: `${provider.urn}::${provider.id}` });
    });
    const report = await stack.pass(async () => undefined);
    assert.deepEqual(report.changes, { delete: 2 });
    assert.deepEqual(stack.fake.calls.find(({ method }) => method === "configure")?.inputs, { token: "old" });
  });
});
