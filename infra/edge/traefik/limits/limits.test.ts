import { spawnSync } from "node:child_process";
import assert from "node:assert/strict";
import { join } from "node:path";
import { skip } from "../../../../cli/testing/skip";
import { cacheRoot } from "../../../../local/cluster/cache.mjs";

describe("the plugin that limits requests", function () {
  this.timeout(300_000);

  it("passes its own tests", function () {
    if (spawnSync("go", ["version"]).status !== 0) skip(this, "go is not on PATH");
    const environment = {
      GOCACHE: join(cacheRoot(), "go", "build"),
      GOFLAGS: "",
      GOTOOLCHAIN: "local",
      CGO_ENABLED: "0",
    };
    const { status, stdout, stderr } = spawnSync("go", ["test", "-trimpath", "./..."], {
      cwd: __dirname,
      encoding: "utf8",
      env: { ...process.env, ...environment },
    });
    assert.equal(status, 0, `${stdout}\n${stderr}`);
  });
});
