import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "./lock";

describe("a lock", () => {
  let directory: string;
  before(async () => (directory = await mkdtemp(join(tmpdir(), "lock-"))));
  after(() => rm(directory, { recursive: true }));

  it("lets one in at a time and tells the others that they wait", async () => {
    const path = join(directory, "a", "lock");
    const order: string[] = [];
    let waited = false;
    let release = () => undefined as void;
    const held = new Promise<void>((resolve) => (release = resolve));
    const first = withLock(path, async () => {
      order.push("first in");
      await held;
      order.push("first out");
    });
    const second = withLock(
      path,
      async () => void order.push("second in"),
      () => {
        waited = true;
        release();
      },
    );
    await Promise.all([first, second]);
    assert.ok(waited);
    assert.deepEqual(order, ["first in", "first out", "second in"]);
  });

  it("is free again when the work fails", async () => {
    const path = join(directory, "b");
    await assert.rejects(
      withLock(path, () => Promise.reject(new Error("work"))),
      /work/,
    );
    assert.equal(await withLock(path, async () => 7), 7);
  });

  it("is free again when its owner is killed", async () => {
    const path = join(directory, "c");
    const script = `require(${JSON.stringify(join(__dirname, "lock.ts"))}).withLock(${JSON.stringify(path)}, () => {
      console.log("held");
      return new Promise(() => setInterval(() => undefined, 1000));
    })`;
    const owner = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", script], {
      cwd: process.cwd(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(owner.stdout, "data");
    owner.kill("SIGKILL");
    assert.equal(await withLock(path, async () => "mine"), "mine");
  });
});
