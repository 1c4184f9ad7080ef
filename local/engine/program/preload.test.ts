import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { preloadArguments } from "./sdk";

const packages = path.resolve(__dirname, "../../../node_modules");

describe("what is loaded before a program", function () {
  this.timeout(120_000);
  let folder: string;

  const write = (name: string, text: string): void => {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  };
  /** Runs index.ts; resolves to what it printed on both streams. */
  const run = (env: NodeJS.ProcessEnv = {}): string => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [...preloadArguments(folder), path.join(folder, "main.js")],
      {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, XDG_CACHE_HOME: path.join(folder, "cache"), BALLAST_PROGRAM_TYPESCRIPT: "true", ...env },
      },
    );
    return `${stdout}${stderr}`.trim();
  };
  const keptFile = (): string => {
    const parent = path.join(folder, "cache/ballast/program");
    const names = readdirSync(parent);
    assert.equal(names.length, 1);
    return path.join(parent, names[0] ?? "");
  };

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "ballast-preload-"));
    write("package.json", "{}");
    write("main.js", `require("./index.ts");`);
    write("node_modules/greeting/index.js", `module.exports = "hello";`);
    write("index.ts", `import greeting from "greeting"; const word: string = greeting; console.log(word);`);
    write("tsconfig.json", `{ "compilerOptions": { "esModuleInterop": true, "module": "nodenext" } }`);
    for (const name of ["@pulumi", "typescript", "source-map-support"])
      symlinkSync(path.join(packages, name), path.join(folder, "node_modules", name));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("keeps what it compiles, and follows every change", () => {
    assert.equal(run(), "hello");
    const { mtimeMs } = statSync(keptFile());
    assert.equal(run(), "hello");
    assert.equal(statSync(keptFile()).mtimeMs, mtimeMs, "the second run had nothing to compile");
    write("node_modules/greeting/index.js", `module.exports = "olleh";`);
    assert.equal(run(), "olleh");
    write("index.ts", `import greeting from "greeting"; console.log(greeting as string, 2);`);
    assert.equal(run(), "olleh 2");
    write("tsconfig.json", `{ "compilerOptions": { "esModuleInterop": false, "module": "nodenext" } }`);
    assert.equal(run(), "undefined 2");
  });

  it("finds what another process has kept since it started", () => {
    write(
      "main.js",
      `const again = { BALLAST_PROGRAM_TYPESCRIPT: "true", AGAIN: "true" };
      if (process.env.AGAIN === undefined) {
        const { execFileSync } = require("node:child_process");
        execFileSync(process.execPath, [...process.execArgv, __filename], { env: { ...process.env, ...again } });
      }
      require("./index.ts");
      console.log(Object.keys(require.cache).some((file) => file.endsWith("typescript.js")) ? "compiled" : "kept");`,
    );
    assert.equal(run(), "hello\nkept");
    write("index.ts", `console.log("changed" as string);`);
    assert.equal(run(), "changed\nkept");
    write("index.ts", `console.log("and again" as string);`);
    assert.equal(run({ AGAIN: "true" }), "and again\ncompiled");
  });

  it("goes on without a cache that is damaged or cannot be written", () => {
    run();
    writeFileSync(keptFile(), "nonsense");
    assert.equal(run(), "hello");
    assert.equal(run({ XDG_CACHE_HOME: path.join(folder, "main.js") }), "hello");
  });

  it("gives a package's script what Node gives it", () => {
    write("node_modules/greeting/other.js", "");
    write(
      "node_modules/greeting/index.js",
      `#!/usr/bin/env node
      module.exports = [
        this === exports, require.main === process.mainModule, module.parent.filename, __dirname, __filename,
        require.resolve("./other"), require.resolve.paths("x")[0], Object.keys(require.cache).length > 0,
        new Error("e").stack.split("\\n")[1].trim(), arguments.length,
      ].join();`,
    );
    write(
      "node_modules/importing/index.js",
      `module.exports = import("greeting").then((found) => found.default, String);`,
    );
    write("main.js", `console.log(require("greeting")); require("importing").then(console.log);`);
    const { stdout } = spawnSync(process.execPath, [path.join(folder, "main.js")], { cwd: folder, encoding: "utf8" });
    assert.equal(stdout.split("\n").length, 3);
    for (const _ of ["compiled", "kept"]) assert.equal(run({ BALLAST_PROGRAM_TYPESCRIPT: "false" }), stdout.trim());
  });

  it("shows errors where they stand in the TypeScript", () => {
    write("index.ts", `interface Long { word: string }\n\nthrow new Error("broken on purpose");`);
    assert.match(run(), /index\.ts:3:7/);
    assert.match(run(), /index\.ts:3:7/, "also when it comes from the cache");
    write("index.ts", `const = 3;`);
    assert.match(run(), /index\.ts.*error TS1134/s);
  });

  it("lets the SDK serialize functions, which needs the debugger and the compiler", () => {
    write(
      "index.ts",
      `import * as pulumi from "@pulumi/pulumi";
      const answer = { value: 42 };
      void pulumi.runtime.serializeFunction(() => answer.value).then(({ text }) => console.log(text));`,
    );
    const text = run();
    assert.match(text, /42/);
    assert.doesNotMatch(text, /Error/);
  });
});
