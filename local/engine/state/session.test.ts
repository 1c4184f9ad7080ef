import assert from "node:assert/strict";
import { Secret } from "../values";
import { FileBackend } from "./backend";
import type { Operation, ResourceState, Snapshot, StackSession } from "./store";
import { CrashDisk } from "./testing/crash-disk";
import { PASSPHRASE, rootStack, testSalt, thing } from "./testing/fixtures";

const CHECKPOINT = "/root/.pulumi/stacks/shop/dev.json";
const JOURNAL = "/root/.pulumi/stacks/shop/dev.journal";

/** A clock that jumps by `step` whenever somebody looks. */
const clock = (step: number) => {
  let time = 0;
  return { now: () => (time += step) };
};

function backend(disk: CrashDisk, notes: string[] = [], step = 0): FileBackend {
  return new FileBackend({
    root: "/root",
    project: "shop",
    passphrase: async () => PASSPHRASE,
    note: (text) => notes.push(text),
    disk,
    clock: clock(step),
  });
}

const open = async (disk: CrashDisk, notes: string[] = [], step = 0): Promise<StackSession> =>
  backend(disk, notes, step).open("dev", { kind: "update", configSalt: await testSalt() });

/** The process that held them is dead; in these tests it is the same process that goes on. */
function forgetLocks(disk: CrashDisk): void {
  for (const file of disk.files.keys()) if (file.includes("/locks/")) disk.files.delete(file);
}

const names = (snapshot: Snapshot): string[] => snapshot.resources.map(({ urn }) => urn.split("::").at(-1) ?? "");

async function create(session: StackSession, resource: ResourceState): Promise<void> {
  const operation: Operation = { resource, type: "creating" };
  await session.apply({ kind: "begin", operation });
  await session.apply({ kind: "put", resource, operation });
}

describe("a stack's session", () => {
  before(async function () {
    this.timeout(60_000);
    await testSalt();
  });

  it("keeps what a run did, and leaves no journal, lock or temporary file", async () => {
    const disk = new CrashDisk();
    const session = await open(disk);
    assert.deepEqual(session.base, { resources: [], pendingOperations: [] });
    await session.apply({ kind: "put", resource: rootStack() });
    await create(session, thing("a", { inputs: { password: new Secret({ deep: ["pw"] }) } }));
    await session.close("succeeded", { create: 2 });

    const files = [...disk.files.keys()].filter((file) => !file.includes("/history/") && !file.includes("/backups/"));
    assert.deepEqual(files.sort(), ["/root/.pulumi/meta.yaml", CHECKPOINT].sort());
    const again = await open(disk);
    assert.deepEqual(names(again.base), ["shop-dev", "a"]);
    assert.deepEqual(again.base.resources[1]?.inputs, { password: new Secret({ deep: ["pw"] }) });
    assert.ok(
      ![...disk.files.values()].some((content) => content.includes('"pw"')),
      "a secret stands in a file in clear",
    );
  });

  it("does not touch the state when a run changes nothing", async () => {
    const disk = new CrashDisk();
    const first = await open(disk);
    await first.apply({ kind: "put", resource: rootStack() });
    await create(first, thing("a"));
    await first.close("succeeded", { create: 2 });
    const before = new Map(disk.files);
    const written = disk.appendedBytes;

    const second = await open(disk);
    for (const old of second.base.resources)
      await second.apply({ kind: "put", resource: { ...old, modified: "2026-01-01T00:00:00Z" }, old });
    await second.close("succeeded", { same: 2 });
    assert.deepEqual([...disk.files].sort(), [...before].sort());

    const third = await open(disk);
    for (const old of third.base.resources) await third.apply({ kind: "put", resource: old, old });
    await third.close("succeeded", { same: 2 });
    assert.deepEqual([...disk.files].sort(), [...before].sort());
    assert.equal(disk.appendedBytes, written);
  });

  it("keeps the ciphertext of a secret that has not changed", async () => {
    const disk = new CrashDisk();
    const ciphertexts = (): string[] =>
      [...(disk.files.get(CHECKPOINT)?.toString() ?? "").matchAll(/"ciphertext":"([^"]+)"/g)].map(
        ([, text]) => text ?? "",
      );
    const first = await open(disk);
    await first.apply({ kind: "put", resource: rootStack() });
    await create(first, thing("a", { inputs: { kept: new Secret("one"), changed: new Secret("two") } }));
    await first.close("succeeded", { create: 2 });
    const [changedBefore, keptBefore] = ciphertexts();

    const second = await open(disk);
    const old = second.base.resources[1];
    const resource = thing("a", { inputs: { kept: new Secret("one"), changed: new Secret("three") } });
    await second.apply({ kind: "put", resource, ...(old ? { old } : {}) });
    await second.close("succeeded", { update: 1 });
    const [changedAfter, keptAfter] = ciphertexts();
    assert.equal(keptAfter, keptBefore);
    assert.notEqual(changedAfter, changedBefore);
  });

  it("leaves an operation that a killed run had begun as pending", async () => {
    const disk = new CrashDisk();
    const notes: string[] = [];
    const session = await open(disk);
    await session.apply({ kind: "put", resource: rootStack() });
    await session.apply({ kind: "begin", operation: { type: "creating", resource: thing("a") } });
    const next = disk.afterCrash(0);
    forgetLocks(next);

    const again = await open(next, notes);
    assert.deepEqual(names(again.base), ["shop-dev"]);
    assert.deepEqual(
      again.base.pendingOperations.map(({ type, resource }) => [type, resource.urn]),
      [["creating", thing("a").urn]],
    );
    assert.match(notes.join("\n"), /a run on dev was killed: took up 2 changes/);
    assert.ok(!next.files.has(JOURNAL));
    const [pending] = again.base.pendingOperations;
    assert.ok(pending);
    await again.apply({ kind: "abandon", operation: pending });
    await again.close("succeeded", {});
    assert.deepEqual((await backend(next).read("dev")).pendingOperations, []);
  });

  it("drops what was under way in a killed run, save creations, once a run has succeeded", async () => {
    const disk = new CrashDisk();
    const session = await open(disk);
    const a = thing("a");
    await session.apply({ kind: "put", resource: rootStack() });
    await create(session, a);
    await session.apply({
      kind: "begin",
      operation: { type: "updating", resource: { ...a, inputs: { name: "new" } } },
    });
    await session.apply({ kind: "begin", operation: { type: "creating", resource: thing("b") } });
    const next = disk.afterCrash(0);
    forgetLocks(next);
    const again = await open(next);
    assert.equal(again.base.pendingOperations.length, 2);
    await again.close("succeeded", {});
    const { pendingOperations } = await backend(next).read("dev");
    assert.deepEqual(
      pendingOperations.map(({ resource }) => resource.urn),
      [thing("b").urn],
    );
  });

  it("puts resources that the run has seen first, whatever names them after them", async () => {
    const disk = new CrashDisk();
    const first = await open(disk);
    await first.apply({ kind: "put", resource: rootStack() });
    for (const name of ["a", "b", "c"]) await create(first, thing(name));
    await first.close("succeeded", { create: 4 });

    const second = await open(disk);
    const [root, a, b] = second.base.resources;
    assert.ok(root && a && b);
    await second.apply({ kind: "put", resource: root, old: root });
    const newB = thing("b", { dependencies: [thing("d").urn] });
    await create(second, thing("d"));
    await second.apply({ kind: "put", resource: newB, old: b });
    await second.apply({ kind: "remove", resource: a });
    await second.close("succeeded", { create: 1 });
    assert.deepEqual(names(await backend(disk).read("dev")), ["shop-dev", "d", "b", "c"]);
  });

  it("follows an alias in what has not been seen since", async () => {
    const disk = new CrashDisk();
    const first = await open(disk);
    await first.apply({ kind: "put", resource: rootStack() });
    await create(first, thing("old"));
    await create(
      first,
      thing("user", { dependencies: [thing("old").urn], propertyDependencies: { x: [thing("old").urn] } }),
    );
    await first.close("succeeded", { create: 3 });

    const second = await open(disk);
    const old = second.base.resources[1];
    assert.ok(old);
    await second.apply({ kind: "put", resource: { ...thing("new"), aliases: [old.urn] }, old });
    await second.close("failed", { update: 1 });
    const user = (await backend(disk).read("dev")).resources[2];
    assert.deepEqual(user?.dependencies, [thing("new").urn]);
    assert.deepEqual(user?.propertyDependencies, { x: [thing("new").urn] });
    assert.ok(!disk.files.get(CHECKPOINT)?.includes("aliases"));
  });

  it("names the broken link instead of writing it, and loses nothing", async () => {
    const disk = new CrashDisk();
    const session = await open(disk);
    await session.apply({ kind: "put", resource: rootStack() });
    await create(session, thing("a", { dependencies: [thing("missing").urn] }));
    await assert.rejects(
      session.close("succeeded", { create: 2 }),
      /resource urn:pulumi:dev::shop::test:index:Thing::a refers to missing dependency .*::missing[\s\S]*nothing is lost/,
    );
    assert.ok(disk.files.has(JOURNAL));
  });

  it("rejects a mutation of an object that the state does not have", async () => {
    const session = await open(new CrashDisk());
    await assert.rejects(session.apply({ kind: "remove", resource: thing("a") }), /does not have this object of .*::a/);
  });

  it("refuses a journal of another checkpoint, and says what it touched", async () => {
    const disk = new CrashDisk();
    const session = await open(disk);
    await session.apply({ kind: "put", resource: rootStack() });
    await create(session, thing("lost"));
    const next = disk.afterCrash(0);
    forgetLocks(next);
    next.files.set(CHECKPOINT, Buffer.from('{"version":3,"checkpoint":{"stack":"organization/shop/dev"}}'));
    await assert.rejects(open(next), /another program, such as the Pulumi CLI, has written it since[\s\S]*Thing::lost/);
  });

  it("refuses to write over a state that somebody else changed meanwhile", async () => {
    const disk = new CrashDisk();
    const session = await open(disk);
    await session.apply({ kind: "put", resource: rootStack() });
    await disk.replace(CHECKPOINT, ['{"version":3,"checkpoint":{"stack":"organization/shop/dev"}}']);
    await assert.rejects(session.close("succeeded", { create: 1 }), /another program has changed .*dev\.json/);
    assert.ok(disk.files.get(CHECKPOINT)?.toString().endsWith('shop/dev"}}'));
  });

  it("tells what could not be saved when the disk fails", async () => {
    const disk = new CrashDisk();
    const first = await open(disk);
    await first.apply({ kind: "put", resource: rootStack() });
    await first.close("succeeded", { create: 1 });
    const before = disk.files.get(CHECKPOINT);

    const session = await open(disk);
    await create(session, thing("a"));
    const full = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    disk.fail = full;
    const b = thing("b");
    await assert.rejects(session.apply({ kind: "put", resource: b }), /can no longer be written \(the disk is full/);
    await assert.rejects(session.apply({ kind: "put", resource: thing("c") }), /can no longer be written/);
    await assert.rejects(session.close("failed", {}), (error: Error) => {
      assert.match(error.message, /dev\.json is as it was before/);
      assert.match(error.message, /but not:\n {2}recorded .*::b \(id id-b\)$/);
      return true;
    });
    assert.deepEqual(disk.files.get(CHECKPOINT), before);
    disk.fail = undefined;
    forgetLocks(disk);
    assert.deepEqual(names((await open(disk)).base), ["shop-dev", "a"]);
  });

  it("saves everything after all when there is room again at the end", async () => {
    const disk = new CrashDisk();
    const session = await open(disk);
    await session.apply({ kind: "put", resource: rootStack() });
    disk.fail = Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    await assert.rejects(session.apply({ kind: "put", resource: thing("b") }), /disk is full/);
    disk.fail = undefined;
    await session.close("failed", { create: 2 });
    assert.deepEqual(names(await backend(disk).read("dev")), ["shop-dev", "b"]);
  });

  it("writes bytes in proportion to the resources, not to their square", async () => {
    const written = async (count: number): Promise<number> => {
      const disk = new CrashDisk();
      // Every look at the clock takes a millisecond, and so does every kilobyte that is written.
      let time = 0;
      const slow = { now: () => (time += 1) + disk.replacedBytes / 1024 };
      const session = await new FileBackend({
        root: "/root",
        project: "shop",
        passphrase: async () => PASSPHRASE,
        disk,
        clock: slow,
      }).open("dev", { kind: "update", configSalt: await testSalt() });
      await session.apply({ kind: "put", resource: rootStack() });
      for (let i = 0; i < count; i++) await create(session, thing(`r${i}`));
      await session.close("succeeded", { create: count });
      assert.ok(count < 500 || disk.replacements > 4, "the checkpoint was not written while the run lasted");
      return disk.replacedBytes + disk.appendedBytes;
    };
    const [small, large] = [await written(250), await written(2000)];
    assert.ok(large < small * 8 * 1.8, `${small} bytes for 250 resources, ${large} for 2000`);
  });
});
