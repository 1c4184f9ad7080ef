import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { realDisk } from "./disk";
import { LockedError, acquireLock, breakLocks } from "./lock";

describe("the lock of a stack", () => {
  let folder: string;
  let notes: string[];
  const children: ChildProcess[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "ballast-lock-"));
    notes = [];
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  const acquire = () => acquireLock(realDisk, folder, "dev", (text) => notes.push(text));

  /** Another process takes the lock and holds it. */
  async function holder(): Promise<ChildProcess> {
    const script = `
      const { acquireLock } = require(${JSON.stringify(join(__dirname, "lock.ts"))});
      const { realDisk } = require(${JSON.stringify(join(__dirname, "disk.ts"))});
      acquireLock(realDisk, ${JSON.stringify(folder)}, "dev", () => undefined).then(() => console.log("held"));
      setInterval(() => undefined, 1000);
    `;
    const child = spawn(process.execPath, ["--require", "tsx/cjs", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    await once(child.stdout, "data");
    return child;
  }

  it("is refused while another process holds it, with its user, host, pid, time and the way out", async () => {
    const child = await holder();
    await assert.rejects(acquire(), (error: Error) => {
      assert.ok(error instanceof LockedError);
      assert.equal(error.holders[0]?.pid, child.pid);
      assert.match(error.message, /currently locked by 1 other run\. .*`ballast state cancel dev`/);
      assert.match(error.message, new RegExp(`held by \\S+@${hostname()} \\(pid ${child.pid}\\) since \\d{4}-`));
      return true;
    });
    assert.equal((await readdir(folder)).length, 1, "the one that was refused left something behind");
  });

  it("is taken over when its process was killed", async () => {
    const child = await holder();
    child.kill("SIGKILL");
    await once(child, "exit");
    const lock = await acquire();
    assert.match(notes.join(), new RegExp(`took over the lock of dev: pid ${child.pid}, .* is gone`));
    await lock.release();
    assert.deepEqual(await readdir(folder), []);
  });

  it("is taken over when its pid belongs to another process by now", async () => {
    const content = { pid: process.pid, username: "x", hostname: hostname(), timestamp: "2001-01-01T00:00:00Z" };
    await writeFile(join(folder, "old.json"), JSON.stringify(content));
    await (await acquire()).release();
    assert.equal(notes.length, 1);
  });

  it("is refused when another host holds it, for nobody here can tell whether that run lives", async () => {
    const content = { pid: 1, username: "ada", hostname: "elsewhere", timestamp: new Date().toISOString() };
    await writeFile(join(folder, "theirs.json"), JSON.stringify(content));
    await assert.rejects(acquire(), /held by ada@elsewhere \(pid 1\)/);
  });

  it("is never held by two that start at once", async () => {
    for (let round = 0; round < 20; round++) {
      const tries = await Promise.allSettled([acquire(), acquire(), acquire()]);
      const held = tries.filter((result) => result.status === "fulfilled");
      assert.ok(held.length <= 1);
      for (const { value } of held) await value.release();
      for (const result of tries) if (result.status === "rejected") assert.ok(result.reason instanceof LockedError);
    }
  });

  it("can be broken, and tells whose it was", async () => {
    const child = await holder();
    const [whose] = await breakLocks(realDisk, folder);
    assert.match(whose ?? "", new RegExp(`pid ${child.pid}`));
    await (await acquire()).release();
  });

  it("says which file is no lock", async () => {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "bad.json"), "{");
    await assert.rejects(acquire(), /bad\.json is not JSON .* if no run is under way, delete it/);
  });
});
