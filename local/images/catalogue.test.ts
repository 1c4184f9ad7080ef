import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCatalogue, registryOf } from "./catalogue";

describe("the list of images", () => {
  let root: string;
  const good = { kind: "upstream", reference: "quay.io/some/thing:v1", purpose: "a thing", unavailable: "no source" };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "ballast-catalogue-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function load(data: unknown) {
    const file = join(root, "images.json");
    writeFileSync(file, typeof data === "string" ? data : JSON.stringify(data));
    return loadCatalogue(file, root);
  }

  it("of this repository is right, and each reference is found", () => {
    const catalogue = loadCatalogue();
    for (const entry of catalogue.entries) assert.equal(catalogue.find(entry.reference), entry);
    assert.ok(catalogue.has("registry.k8s.io/pause:3.10"));
  });

  it("names the known images when asked for an unknown one", () => {
    assert.throws(
      () => load({ thing: good }).find("quay.io/some/thing:v2"),
      /image quay\.io\/some\/thing:v2 is not in images\.json; it has\n {2}quay\.io\/some\/thing:v1$/,
    );
  });

  const bad: readonly { what: string; data: unknown; says: RegExp }[] = [
    { what: "no JSON", data: "{", says: /images\.json: .*JSON/ },
    { what: "a list", data: [good], says: /images\.json: the list / },
    { what: "a name with a capital", data: { Thing: good }, says: /images\.json: Thing / },
    {
      what: "a reference without a registry",
      data: { thing: { ...good, reference: "thing:v1" } },
      says: /thing\.reference must be registry\/path:tag/,
    },
    {
      what: "a reference without a tag",
      data: { thing: { ...good, reference: "quay.io/some/thing" } },
      says: /thing\.reference must be registry\/path:tag/,
    },
    {
      what: "a floating tag",
      data: { thing: { ...good, reference: "quay.io/some/thing:latest" } },
      says: /thing\.reference must name a fixed tag/,
    },
    {
      what: "an unknown kind",
      data: { thing: { ...good, kind: "foreign" } },
      says: /thing\.kind must be upstream or own/,
    },
    { what: "an unknown key", data: { thing: { ...good, standin: "x" } }, says: /thing .*"standin"/ },
    { what: "no purpose", data: { thing: { ...good, purpose: "" } }, says: /thing\.purpose must not be empty/ },
    {
      what: "neither a stand-in nor a reason",
      data: { thing: { ...good, unavailable: undefined } },
      says: /thing needs one of standIn/,
    },
    {
      what: "both a stand-in and a reason",
      data: { thing: { ...good, standIn: "a" } },
      says: /thing needs one of standIn/,
    },
    {
      what: "a folder outside the repository",
      data: { thing: { ...good, unavailable: undefined, standIn: "../a" } },
      says: /thing\.standIn must be a folder of the repository/,
    },
    {
      what: "a stand-in without a Containerfile",
      data: { thing: { ...good, unavailable: undefined, standIn: "a" } },
      says: /thing\.standIn a has no Containerfile/,
    },
    {
      what: "an own image without a Containerfile",
      data: { thing: { kind: "own", reference: good.reference, purpose: "x", folder: "b" } },
      says: /thing\.folder b has no Containerfile/,
    },
    {
      what: "one reference twice",
      data: { one: good, two: good },
      says: /two\.reference quay\.io\/some\/thing:v1 is the one of one/,
    },
    {
      what: "a program at a relative path",
      data: { thing: { ...good, binary: { path: "bin/thing" } } },
      says: /thing\.binary\.path must be an absolute path/,
    },
    {
      what: "a program's user by name",
      data: { thing: { ...good, binary: { path: "/thing", user: "root" } } },
      says: /thing\.binary\.user must be a numeric user/,
    },
  ];
  for (const { what, data, says } of bad) it(`refuses ${what}`, () => assert.throws(() => load(data), says));

  it("takes a stand-in whose folder has a Containerfile", () => {
    mkdirSync(join(root, "a"));
    writeFileSync(join(root, "a", "Containerfile"), "FROM scratch\n");
    const { entries } = load({ thing: { ...good, unavailable: undefined, standIn: "a" } });
    assert.deepEqual(
      entries.map(({ name }) => name),
      ["thing"],
    );
  });

  it("knows a reference's registry, with its port", () => {
    assert.equal(registryOf("docker.io/library/debian:bookworm-slim"), "docker.io");
    assert.equal(registryOf("registry.example.org:5000/a/b:1"), "registry.example.org:5000");
  });
});
