import assert from "node:assert/strict";
import { TestStack } from "./testing/harness";
import { ResourceReference, Secret } from "./values";

const declarations = `
import * as pulumi from "@pulumi/pulumi";
class Res extends pulumi.CustomResource {
  declare readonly stamp: pulumi.Output<string>;
  declare readonly value: pulumi.Output<any>;
  declare readonly secretOutput: pulumi.Output<string>;
  constructor(name: string, args: Record<string, unknown> = {}, opts: pulumi.CustomResourceOptions = {}) {
    super("fake:m:Res", name, { stamp: undefined, value: undefined, secretOutput: undefined, ...args }, { version: "1.0.0", ...opts });
  }
}
class Comp extends pulumi.ComponentResource {
  constructor(name: string, opts: pulumi.ComponentResourceOptions = {}) { super("comp:m:Comp", name, {}, opts); }
}
`;

describe("a program through the SDK's runner", function () {
  this.timeout(180_000);

  it("creates, finds nothing to do, and previews", async () => {
    const stack = new TestStack();
    const source = `${declarations}
      const config = new pulumi.Config();
      const parent = new Comp("parent");
      const a = new Res("a", { value: config.require("greeting") }, { parent });
      const b = new Res("b", { value: pulumi.interpolate\`\${a.stamp}!\`, secretOutput: "x" }, { dependsOn: parent });
      new Res("c", { value: { a, parent } });
      export const stamp = b.value;
      export const hidden = b.secretOutput;
      export const password = config.requireSecret("password");
    `;
    const settings = {
      config: { "proj:greeting": "hello", "proj:password": "hunter2" },
      secretKeys: ["proj:password"],
    };
    const preview = await stack.program(source, { ...settings, dryRun: true });
    assert.deepEqual(preview.errors, []);
    assert.deepEqual(preview.changes, { create: 6 });
    assert.equal(stack.resources.length, 0);

    const first = await stack.program(source, settings);
    assert.deepEqual(first.errors, []);
    assert.equal(first.result, "succeeded");
    assert.deepEqual(first.changes, { create: 6 });
    assert.deepEqual(first.outputs, {
      stamp: "stamp of id-1!",
      hidden: new Secret("x"),
      password: new Secret("hunter2"),
    });
    assert.equal(stack.resource("a").parent, stack.urn("parent", "comp:m:Comp"));
    assert.deepEqual(stack.resource("b").propertyDependencies?.value, [stack.urn("a", "comp:m:Comp$fake:m:Res")]);
    const { urn, id } = stack.resource("a");
    assert.deepEqual(stack.resource("c").inputs.value, {
      a: new ResourceReference(urn, id),
      parent: new ResourceReference(stack.resource("parent").urn),
    });
    assert.match(stack.resource("a").provider ?? "", /pulumi:providers:fake::default_1_0_0::[0-9a-f-]{36}$/);

    const second = await stack.program(source, settings);
    assert.deepEqual(second.errors, []);
    assert.deepEqual(second.changes, { same: 6 });
    assert.deepEqual([stack.fake.names("diff"), stack.fake.names("create"), stack.fake.names("update")], [[], [], []]);
  });

  it("applies transforms, resource references, get and invokes", async () => {
    const stack = new TestStack();
    stack.fake.world.set("ext", { urn: "", inputs: { value: "external" } });
    const report = await stack.program(`${declarations}
      pulumi.runtime.registerResourceTransform((args) =>
        args.type === "fake:m:Res" ? { props: { ...args.props, byStack: true }, opts: { ...args.opts, retainOnDelete: true } } : undefined);
      pulumi.runtime.registerInvokeTransform((args) => ({ args: { ...args.args, key: "transformed" }, opts: args.opts }));
      const parent = new Comp("parent", { transforms: [(args) => ({ props: { ...args.props, byParent: args.name }, opts: args.opts })] });
      const a = new Res("a", { value: 1 }, { parent, aliases: [{ name: "former" }], customTimeouts: { create: "1m30s" }, ignoreChanges: ["other"] });
      const got = new Res("got", {}, { id: "ext" } as any);
      const result = pulumi.runtime.invokeOutput("fake:m:getThing", { key: a.stamp }, { version: "1.0.0" }) as pulumi.Output<any>;
      export const answer = result.apply((r) => r.result);
      export const external = got.value;
    `);
    assert.deepEqual([report.errors, report.result], [[], "succeeded"]);
    const a = stack.resource("a");
    assert.deepEqual([a.inputs.byStack, a.inputs.byParent, a.retainOnDelete], [true, "a", true]);
    assert.deepEqual(a.customTimeouts, { create: 90 });
    assert.deepEqual(report.outputs.answer, new Secret("got transformed"));
    assert.equal(report.outputs.external, "external");
    assert.equal(stack.resource("got").external, true);
  });

  it("a program that throws fails the run with its message and place, after what it has registered", async () => {
    const stack = new TestStack();
    const report = await stack.program(`${declarations}
      console.log("printed");
      const a = new Res("a");
      a.stamp.apply((stamp) => { throw new Error("cannot go on after " + stamp); });
    `);
    assert.equal(report.result, "failed");
    assert.match(report.errors.join("\n"), /cannot go on after stamp of id-1[^]*index\.ts:\d+/);
    assert.ok(stack.resource("a").id);
    const printed = report.events.some(
      (event) => event.kind === "diagnostic" && event.severity === "info" && event.message === "printed",
    );
    assert.ok(printed);
  });

  it("a failing resource ends the program quietly", async () => {
    const stack = new TestStack();
    const report = await stack.program(`${declarations}
      const a = new Res("a", { fail: "no such luck" });
      new Res("b", { value: a.stamp });
    `);
    assert.deepEqual([report.result, report.errors], ["failed", ["no such luck"]]);
    assert.deepEqual(stack.fake.names("create"), ["a"]);
  });

  it("Ctrl-C ends a program that would go on, once what it has begun is recorded", async () => {
    const stack = new TestStack();
    const controller = new AbortController();
    stack.fake.hold = () => {
      controller.abort();
      return undefined;
    };
    const source = `${declarations}
      const a = new Res("a");
      new Res("b", { value: a.stamp });
      setInterval(() => undefined, 1000);
    `;
    const report = await stack.program(source, { signal: controller.signal });
    assert.deepEqual([report.result, report.errors, stack.fake.names("create")], ["canceled", [], ["a"]]);
    assert.ok(stack.resource("a").id);
  });
});
