import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { destroy, exportState, preview, refresh, up } from ".";
import { TestProject } from "./testing/project";
import { Secret } from "./values";

const network = `
  import * as pulumi from "@pulumi/pulumi";
  export const zone = "eu-1";
  export const token = pulumi.secret("s3cret");
  export const nested = { open: 1, key: pulumi.secret("deep") };
`;
const consumer = (name: string): string => `
  import * as pulumi from "@pulumi/pulumi";
  const other = new pulumi.StackReference(${JSON.stringify(name)});
  export const zone = other.requireOutput("zone");
  export const token = other.getOutput("token");
  export const missing = other.getOutput("missing").apply((value) => value ?? "none");
  export const details = other.getOutputDetails("zone").then(({ value }) => value ?? "unknown");
`;

describe("a reference to another stack of the same backend", function () {
  this.timeout(120_000);
  let state: string;
  let producer: TestProject;
  let project: TestProject;

  before(async () => {
    state = mkdtempSync(path.join(tmpdir(), "engine-references-"));
    producer = new TestProject({ name: "network", program: network, state });
    project = new TestProject({ name: "app", program: consumer("organization/network/dev"), state });
    await up(producer.options());
  });
  after(() => {
    for (const made of [producer, project]) made.remove();
    rmSync(state, { recursive: true });
  });

  it("reads its outputs, and keeps secret what is secret there", async () => {
    const done = await up(project.options());
    assert.deepEqual([done.result, done.changes], ["succeeded", { create: 2, read: 1 }]);
    const { zone, token, missing, details } = done.outputs;
    assert.deepEqual([zone, missing, details], ["eu-1", "none", "eu-1"]);
    assert.deepEqual(token, new Secret("s3cret"));
    assert.ok(!project.checkpoint().includes("s3cret") && !project.checkpoint().includes("deep"), "no secret in clear");
    const { deployment } = await exportState(project.options());
    const [reference] = (deployment.resources as Record<string, unknown>[]).filter(({ external }) => external === true);
    assert.deepEqual(
      [reference?.["id"], reference?.["type"]],
      ["organization/network/dev", "pulumi:pulumi:StackReference"],
    );
  });

  it("finds nothing to do while that stack stays as it is, and takes in what has changed", async () => {
    assert.deepEqual((await up(project.options())).changes, { same: 2, read: 1 });
    producer.write(network.replace("eu-1", "eu-2"));
    await up(producer.options());
    assert.equal((await preview(project.options())).outputs.zone, "eu-2");
    assert.equal((await refresh(project.options())).result, "succeeded");
    assert.equal((await up(project.options())).outputs.zone, "eu-2");
  });

  it("an unknown stack is an error that names those that there are, and offline its outputs are unknown", async () => {
    project.write(consumer("organization/network/nope"));
    const failed = await preview(project.options());
    assert.equal(failed.result, "failed");
    assert.match(
      failed.diagnostics.map(({ message }) => message).join("\n"),
      /'organization\/network\/nope' that is referred to has no state: those of network that have one are dev/,
    );
    const offline = await preview({ ...project.options(), offline: true });
    assert.deepEqual([offline.result, offline.outputs.details], ["succeeded", "unknown"]);
  });

  it("refuses a name that is no stack's", async () => {
    project.write(consumer("acme/network/dev"));
    const failed = await preview(project.options());
    assert.match(
      failed.diagnostics.map(({ message }) => message).join("\n"),
      /'acme\/network\/dev' is no stack of this backend: write <stack>, or organization\/<project>\/<stack>/,
    );
  });

  it("says why a stack under another passphrase cannot be read", async () => {
    project.write(consumer("organization/network/dev"));
    const failed = await preview({ ...project.options({ stack: "other" }), passphrase: async () => "another" });
    assert.match(
      failed.diagnostics.map(({ message }) => message).join("\n"),
      /cannot read the stack 'organization\/network\/dev' that is referred to: incorrect passphrase for the stack dev/,
    );
  });

  it("is forgotten when its own stack is destroyed, and leaves the other alone", async () => {
    const gone = await destroy(project.options());
    assert.equal(gone.result, "succeeded");
    assert.equal(((await exportState(producer.options())).deployment.resources as unknown[]).length, 1);
  });
});
