import assert from "node:assert/strict";
import { join } from "node:path";
import { skip } from "../../../cli/testing/skip";
import { cacheRoot } from "../cache.mjs";
import { run } from "../command";
import { findProgram } from "../packages";
import { lines } from "../testing";
import { ensureToolchain } from "./build";
import { env } from "./programs.json";

describe("the toolchain's own Go programs", function () {
  this.timeout(1_800_000);
  before(async function () {
    if ((await findProgram("go")) === undefined) skip(this, "go is not on PATH");
    if (process.platform !== "linux") skip(this, "the programs are for Linux");
  });

  it("pass their tests", async () => {
    // The tests' libraries are the programs': compiled once, and into the same cache.
    await (await ensureToolchain(lines)).binary("kube");
    const caches = { GOCACHE: join(cacheRoot(), "go", "build"), GOMODCACHE: join(cacheRoot(), "go", "mod") };
    const packages = ["./keeper/...", "./policies/...", "./policies-cni/...", "./volumes/..."];
    const test = ["-C", __dirname, "test", "-trimpath", "-vet=off", ...packages];
    const { stdout } = await run("go", test, { env: { ...env, ...caches } });
    assert.match(stdout, /ok\s+ballast\.dev\/toolchain\/policies/);
  });

  it("are formatted", async () => {
    assert.equal((await run("gofmt", ["-l", __dirname])).stdout, "");
  });
});
