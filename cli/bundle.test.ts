import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root as checkout } from "./place";

describe("the bundle of the command line", function () {
  this.timeout(60_000);
  let folder: string;
  let root: string;

  const source = (name: string, text: string): void => writeFileSync(join(root, "src", name), text);
  /** Runs src/main.ts as `ballast` is run; resolves to what it prints. */
  const run = (env: NodeJS.ProcessEnv = {}): string => {
    const script = `
      import { load } from ${JSON.stringify(pathToFileURL(join(checkout, "cli/bundle.mjs")).href)};
      await load(${JSON.stringify(root)}, ${JSON.stringify(join(root, "src/main.ts"))}, "test");
    `;
    return execFileSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      env: { ...process.env, XDG_CACHE_HOME: join(folder, "cache"), ...env },
    }).trim();
  };
  const made = (): string[] => {
    const parent = join(folder, "cache/ballast/bundles");
    return existsSync(parent) ? readdirSync(parent).flatMap((name) => readdirSync(join(parent, name)).sort()) : [];
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ballast-bundle-"));
    root = join(folder, "project");
    mkdirSync(join(root, "src"), { recursive: true });
    symlinkSync(join(checkout, "node_modules"), join(root, "node_modules"));
    writeFileSync(join(root, "package-lock.json"), "{}");
    source("main.ts", `import { word } from "./word"; console.log(word(), __dirname);`);
    source("word.ts", `export const word = (): string => "one";`);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("runs what the sources say, each in its own folder, and keeps the compiled code", () => {
    assert.equal(run(), `one ${join(root, "src")}`);
    const files = made();
    assert.deepEqual(
      files.map((name) => name.replace(/^[0-9a-f]{40}/, "hash")),
      ["hash.cjs", "hash.cjs.test", "manifest.json"],
    );
    assert.equal(run(), `one ${join(root, "src")}`);
    assert.deepEqual(made(), files);
  });

  it("is made anew when a source changes, or one is found in place of another", () => {
    run();
    source("word.ts", `export const word = (): string => "two";`);
    assert.match(run(), /^two /);
    mkdirSync(join(root, "src/word"));
    rmSync(join(root, "src/word.ts"));
    writeFileSync(join(root, "src/word/index.ts"), `export const word = () => "three";`);
    assert.match(run(), /^three /);
    source("word.ts", `export const word = (): string => "four";`);
    assert.match(run(), /^four /);
    assert.equal(made().filter((name) => name.endsWith(".cjs")).length, 1, "what it was before is gone");
  });

  it("is made anew when it is damaged", () => {
    run();
    const parent = join(folder, "cache/ballast/bundles");
    const [name = ""] = readdirSync(parent);
    const manifest = join(parent, name, "manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").slice(0, 20));
    assert.match(run(), /^one /);
    rmSync(join(parent, name, made().find((file) => file.endsWith(".cjs")) ?? ""));
    assert.match(run(), /^one /);
    assert.equal(made().length, 3);
  });

  it("is no condition: without a cache folder, and switched off, the sources are run as they are", () => {
    writeFileSync(join(folder, "file"), "");
    assert.match(run({ XDG_CACHE_HOME: join(folder, "file") }), /^one /);
    assert.match(run({ BALLAST_BUNDLE: "off" }), /^one /);
    assert.deepEqual(made(), []);
  });
});
