import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { basesOf, inContext, recipeKey } from "./recipe";

describe("what an image is made from", () => {
  let folder: string;
  const none = { bases: [], inputs: [] };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ballast-recipe-"));
    writeFileSync(join(folder, "Containerfile"), "FROM scratch\n");
    mkdirSync(join(folder, "etc"));
    writeFileSync(join(folder, "etc", "settings"), "a\n");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const changes: readonly { what: string; change: () => void }[] = [
    { what: "a file's content", change: () => writeFileSync(join(folder, "etc", "settings"), "b\n") },
    { what: "a file's mode", change: () => chmodSync(join(folder, "etc", "settings"), 0o755) },
    { what: "a new file", change: () => writeFileSync(join(folder, "new"), "") },
  ];
  for (const { what, change } of changes) {
    it(`is another with ${what}`, async () => {
      const before = await recipeKey(folder, none);
      assert.equal(await recipeKey(folder, none), before);
      change();
      assert.notEqual(await recipeKey(folder, none), before);
    });
  }

  it("is another on another base or with another input", async () => {
    const keys = [none, { ...none, bases: ["a"] }, { ...none, inputs: ["a", "b"] }].map((parts) =>
      recipeKey(folder, parts),
    );
    assert.equal(new Set(await Promise.all(keys)).size, 3);
  });

  it("is the same whatever tests and texts stand beside it", async () => {
    const before = await recipeKey(folder, none);
    for (const file of ["x.test.ts", "README.md", "etc/README.md"]) writeFileSync(join(folder, file), "");
    assert.equal(await recipeKey(folder, none), before);
    assert.equal(inContext("etc/settings"), true);
  });

  it("starts from its bases, not from its own stages or scratch", () => {
    const containerfile = [
      "# FROM a comment",
      "FROM docker.io/library/debian:bookworm-slim AS build",
      "from --platform=linux/amd64 quay.io/other/base:1 as other",
      "FROM build",
      "COPY --from=other / /",
      "FROM scratch",
    ].join("\n");
    assert.deepEqual(basesOf(containerfile), ["docker.io/library/debian:bookworm-slim", "quay.io/other/base:1"]);
  });
});
