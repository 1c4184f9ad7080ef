import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { alive, identify, kill, readIdentity, type Identity } from "./identity";

async function running(): Promise<{ identity: Identity; ended: Promise<unknown> }> {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  const ended = once(child, "exit");
  await once(child, "spawn");
  const identity = await identify(child.pid ?? 0);
  assert.ok(identity);
  return { identity, ended };
}

describe("a process's identity", function () {
  before(function () {
    if (process.platform !== "linux") this.skip();
  });

  it("is alive while the process runs, and is killed", async () => {
    const { identity, ended } = await running();
    assert.ok(await alive(identity));
    await kill(identity);
    await ended;
    assert.ok(!(await alive(identity)));
    await kill(identity);
  });

  it("is not that of a later process with the same pid", async () => {
    const { identity, ended } = await running();
    const earlier = { ...identity, startTime: String(Number(identity.startTime) - 1) };
    assert.ok(!(await alive(earlier)));
    await kill(earlier);
    assert.ok(await alive(identity), "a reused pid must not be signalled");
    assert.ok(!(await alive({ ...identity, boot: "another boot" })), "nor one of before a reboot");
    await kill(identity);
    await ended;
  });

  it("is none where the record is missing, broken or incomplete", async () => {
    const directory = await mkdtemp(join(tmpdir(), "identity-"));
    const path = join(directory, "pid.json");
    assert.equal(await readIdentity(path), undefined);
    for (const text of ["", "{", "{}", '{"pid":1}', '{"pid":"1","startTime":"1","boot":"x"}']) {
      await writeFile(path, text);
      assert.equal(await readIdentity(path), undefined, text);
    }
    const identity = { pid: 1, startTime: "2", boot: "x" };
    await writeFile(path, JSON.stringify(identity));
    assert.deepEqual(await readIdentity(path), identity);
    assert.equal(await alive(undefined), false);
    await rm(directory, { recursive: true });
  });
});
