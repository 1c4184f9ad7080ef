import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageEntry } from "./catalogue";
import { findProvided } from "./provided";

describe("a directory of provided images", () => {
  let directory: string;
  let archive: string;
  const entry: ImageEntry = {
    name: "thing",
    kind: "upstream",
    reference: "quay.io/some/thing:v1",
    purpose: "a thing",
    workload: false,
    unavailable: "no source",
  };
  const withBinary: ImageEntry = { ...entry, binary: { path: "/thing", user: "65532", environment: {}, packages: [] } };

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "ballast-provided-"));
    archive = join(directory, "quay.io_some_thing_v1.tar");
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  function pack(files: Readonly<Record<string, string>>): void {
    const content = join(directory, "content");
    mkdirSync(content);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(content, name), text);
    execFileSync("tar", ["-cf", archive, "-C", content, ...Object.keys(files)]);
  }

  it("has nothing for most images", async () => {
    assert.equal(await findProvided(directory, entry), undefined);
  });

  it("gives a docker archive, also behind a large layer", async () => {
    pack({ "layer.tar": "x".repeat(100_000), "manifest.json": '[{"Config":"c","RepoTags":null,"Layers":[]}]' });
    const found = await findProvided(directory, entry);
    assert.equal(found?.type, "archive");
    assert.equal(found.transport, "docker-archive");
    assert.equal(found.path, archive);
  });

  it("gives an OCI archive", async () => {
    pack({ "oci-layout": '{"imageLayoutVersion":"1.0.0"}', "index.json": "{}" });
    assert.equal((await findProvided(directory, entry))?.transport, "oci-archive");
  });

  it("gives another fingerprint when the archive changes", async () => {
    pack({ "manifest.json": "[{}]" });
    const before = await findProvided(directory, entry);
    rmSync(join(directory, "content"), { recursive: true });
    pack({ "manifest.json": "[{}]", "layer.tar": "x".repeat(20_000) });
    assert.notEqual((await findProvided(directory, entry))?.fingerprint, before?.fingerprint);
  });

  it("gives a program for an entry that says how it becomes an image", async () => {
    writeFileSync(join(directory, "thing"), "program");
    const found = await findProvided(directory, withBinary);
    assert.deepEqual([found?.type, found?.path], ["binary", join(directory, "thing")]);
  });

  const refused = async (says: RegExp, image = entry) => assert.rejects(findProvided(directory, image), says);

  it("that is none is named", async () => {
    const missing = join(directory, "missing");
    await assert.rejects(findProvided(missing, entry), new RegExp(`${missing} .*is not a directory`));
  });
  it("with a file that is no archive names it", async () => {
    writeFileSync(archive, "x".repeat(2000));
    await refused(/quay\.io_some_thing_v1\.tar is not a tar archive/);
  });
  it("with an archive that is no image names it", async () => {
    pack({ "hello.txt": "hello" });
    await refused(/quay\.io_some_thing_v1\.tar is no image archive: it has neither manifest\.json/);
  });
  it("with an archive that is cut off names it", async () => {
    pack({ "layer.tar": "x".repeat(100_000), "manifest.json": "[{}]" });
    truncateSync(archive, 50_000);
    await refused(/quay\.io_some_thing_v1\.tar is cut off/);
  });
  it("with an archive of two images names it", async () => {
    pack({ "manifest.json": "[{},{}]" });
    await refused(/quay\.io_some_thing_v1\.tar holds 2 images; it must hold one/);
  });
  it("with a manifest that is no JSON names it", async () => {
    pack({ "manifest.json": "[{" });
    await refused(/quay\.io_some_thing_v1\.tar: its manifest\.json is not JSON/);
  });
  it("with a program for an entry that does not say how names both", async () => {
    writeFileSync(join(directory, "thing"), "program");
    await refused(
      /thing cannot become quay\.io\/some\/thing:v1: its entry thing has no "binary"; provide an archive quay/,
    );
  });
  it("with an empty program names it", async () => {
    writeFileSync(join(directory, "thing"), "");
    await refused(/thing is not a program \(not a file, or empty\)/, withBinary);
  });
});
