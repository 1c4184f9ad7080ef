import assert from "node:assert/strict";
import { declare } from "../declare";
import { TestProject } from "../testing/project";

describe("a program that throws", () => {
  it("is told of at once, with its stack trace, though the trace leads through the SDK", async () => {
    const project = new TestProject({ program: 'import "@pulumi/pulumi";\nthrow new Error("as it happens");\n' });
    try {
      const { result, diagnostics } = await declare({ projectDir: project.folder, stack: "dev" });
      assert.equal(result, "failed");
      const [error, ...others] = diagnostics.filter(({ severity }) => severity === "error");
      assert.deepEqual(others, []);
      assert.match(error?.message ?? "", /Error: as it happens\n {4}at .*index\.ts:2:7\)\n[^]*node_modules.@pulumi/);
      // eslint-disable-next-line no-control-regex -- colours are for terminals, and are begun by it
      assert.doesNotMatch(error?.message ?? "", /\u001b/);
    } finally {
      project.remove();
    }
  });
});
