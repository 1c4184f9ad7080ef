import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Lines, linesOf } from "./locate";
import { stackReport, statefulSet } from "./testing";

const SETTINGS = `# A stack.
config:
  ballast:environment: dev
  ballast:namespaces:
    data:
      cpu: 10
  ballast:postgres:
    instances: 3
    resources:
      cpu: { request: 250m, limit: 2 }
`;

describe("the line of a stack's file that a finding is about", () => {
  let folder: string;
  const lines = (content: string): Promise<Lines> => {
    writeFileSync(join(folder, "stacks", "Pulumi.dev.yaml"), content);
    return linesOf(folder, stackReport());
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ballast-locate-"));
    mkdirSync(join(folder, "stacks"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is the key of the resource's component, or of its kind", async () => {
    const { ofResource } = await lines(SETTINGS);
    assert.equal(ofResource(statefulSet), 7);
    assert.equal(ofResource(statefulSet.replace(/::postgres$/, "::postgres-config")), 7);
    assert.equal(ofResource("urn:pulumi:dev::ballast::kubernetes:core/v1:Namespace::data"), 4);
    assert.equal(ofResource("urn:pulumi:dev::ballast::kubernetes:core/v1:Node::other"), 1);
    assert.equal(ofResource(undefined), 1);
  });

  it("is the key or the line that an error names", async () => {
    const { ofError } = await lines(SETTINGS);
    assert.equal(ofError("one value is not usable\n  ballast:postgres.resources.cpu is wrong"), 10);
    assert.equal(ofError("ballast:postgres.nowhere is wrong"), 7);
    assert.equal(ofError("/a/b/stacks/Pulumi.dev.yaml:3: environment is wrong"), 3);
    assert.equal(ofError("ballast:postgresql is another key"), 1);
  });

  it("is the first line of a file that cannot be read", async () => {
    const { ofError, ofResource } = await lines("config: [");
    assert.equal(ofResource(statefulSet), 1);
    assert.equal(ofError("stacks/Pulumi.dev.yaml:1:9 is malformed YAML"), 1);
  });
});
