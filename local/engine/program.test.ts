import assert from "node:assert/strict";
import { TestStack } from "./testing/harness";
import { Secret } from "./values";

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
    assert.deepEqual(preview.changes, { create: 5 });
    assert.equal(stack.resources.length, 0);

    const first = await stack.program(source, settings);
    assert.deepEqual(first.errors, []);
    assert.equal(first.result, "succeeded");
    assert.deepEqual(first.changes, { create: 5 });
    assert.deepEqual(first.outputs, {
      stamp: "stamp of id-1!",
      hidden: new Secret("x"),
      password: new Secret("hunter2"),
    });
    assert.equal(stack.resource("a").parent, stack.urn("parent", "comp:m:Comp"));
    assert.deepEqual(stack.resource("b").propertyDependencies?.value, [stack.urn("a", "comp:m:Comp$fake:m:Res")]);
    assert.match(stack.resource("a").provider ?? "", /pulumi:providers:fake::default_1_0_0::[0-9a-f-]{36}$/);

    const second = await stack.program(source, settings);
    assert.deepEqual(second.errors, []);
    assert.deepEqual(second.changes, { same: 5 });
    assert.deepEqual([stack.fake.names("diff"), stack.fake.names("create"), stack.fake.names("update")], [[], [], []]);
  });
});
