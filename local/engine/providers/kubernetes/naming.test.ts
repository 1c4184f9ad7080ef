import assert from "node:assert/strict";

import { UNKNOWN } from "../../values";
import { assignName, AUTONAMED, fieldManager, isAutonamed } from "./naming";

const seed = Buffer.alloc(32, 7);

describe("names of Kubernetes objects", () => {
  it("makes <logical>-<8 hex> from the seed, marks it, and keeps it", () => {
    const first = assignName("web", {}, undefined, seed);
    assert.match(String(first.metadata["name"]), /^web-[0-9a-f]{8}$/);
    assert.deepEqual(first.metadata["annotations"], { [AUTONAMED]: "true" });
    assert.deepEqual(assignName("web", {}, undefined, seed), first);
    assert.notDeepEqual(assignName("web", {}, undefined, Buffer.alloc(32, 8)), first);
    assert.deepEqual(
      assignName("web", { labels: { a: "b" } }, first.metadata, Buffer.alloc(32, 8)).metadata["name"],
      first.metadata["name"],
    );
  });

  it("does not keep a name that the program gave before", () => {
    const { metadata } = assignName("web", {}, { name: "given" }, seed);
    assert.match(String(metadata["name"]), /^web-/);
  });

  it("leaves a given or unknown name alone", () => {
    assert.deepEqual(assignName("web", { name: "x" }, undefined, seed).metadata, { name: "x" });
    assert.deepEqual(assignName("web", { name: UNKNOWN }, undefined, seed).metadata, { name: UNKNOWN });
    assert.equal(isAutonamed({ metadata: { name: "x" } }), false);
  });

  it("completes generateName, and keeps the result while the prefix stays", () => {
    const { metadata } = assignName("web", { generateName: "web-" }, undefined, seed);
    assert.match(String(metadata["name"]), /^web-[0-9a-f]{5}$/);
    assert.equal(isAutonamed({ metadata }), true);
    const kept = assignName("web", { generateName: "web-" }, metadata, Buffer.alloc(32, 8));
    assert.equal(kept.metadata["name"], metadata["name"]);
    const moved = assignName("web", { generateName: "api-" }, metadata, seed);
    assert.match(String(moved.metadata["name"]), /^api-/);
  });

  it("refuses name and generateName together, what is no text, and a name too long", () => {
    const reasons = (given: Parameters<typeof assignName>[1], name = "web"): string[] =>
      assignName(name, given, undefined, seed).failures.map(({ property, reason }) => `${property} ${reason}`);
    assert.deepEqual(reasons({ name: "a", generateName: "b" }), [
      'metadata.generateName cannot stand beside metadata.name ("a"): leave one out',
    ]);
    assert.deepEqual(reasons({ name: 3 }), ["metadata.name must be text, is 3"]);
    assert.match(reasons({}, "x".repeat(250)).join(), /has 259 characters, at most 253/);
  });

  it("gives each resource a field manager that a later run finds again", () => {
    assert.match(fieldManager("urn:a"), /^pulumi-kubernetes-[0-9a-f]{8}$/);
    assert.equal(fieldManager("urn:a"), fieldManager("urn:a"));
    assert.notEqual(fieldManager("urn:a"), fieldManager("urn:b"));
  });
});
