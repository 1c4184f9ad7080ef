import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "../values";
import { FileBackend, type BackendOptions } from "./backend";
import type { ResourceState } from "./store";
import { PASSPHRASE, rootStack, testSalt, thing } from "./testing/fixtures";

describe("the file backend", () => {
  let root: string;
  let notes: string[];

  before(async function () {
    this.timeout(60_000);
    await testSalt();
  });
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "ballast-state-"));
    notes = [];
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  const backend = (more: Partial<BackendOptions> = {}): FileBackend =>
    new FileBackend({
      root,
      project: "shop",
      passphrase: async () => PASSPHRASE,
      note: (text) => notes.push(text),
      ...more,
    });
  const checkpoint = (): string => join(root, ".pulumi", "stacks", "shop", "dev.json");

  async function run(...resources: ResourceState[]): Promise<void> {
    const session = await backend().open("dev", { kind: "update", configSalt: await testSalt() });
    for (const resource of resources) await session.apply({ kind: "put", resource });
    await session.close("succeeded", { create: resources.length });
  }

  it("lays files out as the CLI does", async () => {
    await run(
      rootStack({ url: "http://x" }),
      thing("a", { inputs: { z: 1, a: "<&>" }, created: "2026-01-01T00:00:00Z" }),
    );
    assert.equal(await readFile(join(root, ".pulumi", "meta.yaml"), "utf8"), "version: 1\n");
    const history = await readdir(join(root, ".pulumi", "history", "shop", "dev"));
    assert.equal(history.length, 2);
    assert.ok(
      history.every((name) => /^dev-\d{19}\.(checkpoint|history)\.json$/.test(name)),
      history.join(),
    );
    const [backup] = await readdir(join(root, ".pulumi", "backups", "shop", "dev"));
    assert.match(backup ?? "", /^dev\.\d{19}\.json$/);
    const record = history.find((name) => name.includes("history")) ?? "";
    const entry = JSON.parse(await readFile(join(root, ".pulumi", "history", "shop", "dev", record), "utf8")) as object;
    assert.deepEqual(Object.keys(entry), [
      "kind",
      "startTime",
      "message",
      "environment",
      "config",
      "version",
      "result",
      "endTime",
      "resourceChanges",
    ]);

    const text = await readFile(checkpoint(), "utf8");
    const golden = await readFile(join(__dirname, "testdata", "checkpoint.golden"), "utf8");
    const comparable = text
      .replace(/"time":"[^"]+"/, '"time":"TIME"')
      .replace(/"magic":"\w{64}","version":"v[^"]+"/, '"magic":"MAGIC","version":"VERSION"')
      .replace(/"salt":"[^"]+"/, '"salt":"SALT"');
    assert.equal(comparable, golden.trim());
  });

  it("keeps the state before the last run beside it", async () => {
    await run(rootStack());
    const before = await readFile(checkpoint(), "utf8");
    await run(thing("a"));
    assert.equal(await readFile(`${checkpoint()}.bak`, "utf8"), before);
  });

  it("survives a full disk with the old state, and says so", async function () {
    if (process.getuid?.() !== 0) this.skip(); // mounting a small file system takes root
    const state = join(root, ".pulumi");
    await mkdir(state);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", state]);
    try {
      await run(rootStack());
      const before = await readFile(checkpoint(), "utf8");
      const session = await backend().open("dev", { kind: "update" });
      const write = async (): Promise<void> => {
        for (let i = 0; i < 100; i++)
          await session.apply({ kind: "put", resource: thing(`r${i}`, { inputs: { big: "x".repeat(10_000) } }) });
      };
      await assert.rejects(
        write(),
        /the state of dev can no longer be written \(the disk is full: .*\): the run stops here/,
      );
      await assert.rejects(
        session.close("failed", {}),
        /dev\.json is as it was before.* but not:\n {2}recorded .*::r\d+ \(id/s,
      );
      assert.equal(await readFile(checkpoint(), "utf8"), before);
    } finally {
      execFileSync("umount", [state]);
    }
  });

  it("names the file and the copy to restore when the state is not JSON", async () => {
    await run(rootStack());
    const text = await readFile(checkpoint(), "utf8");
    await writeFile(checkpoint(), text.slice(0, 100));
    await assert.rejects(
      backend().open("dev", { kind: "update" }),
      /dev\.json is not JSON \(.*dev\.json\.bak: check it and copy it over/,
    );
    assert.deepEqual(await readdir(join(root, ".pulumi", "locks", "organization", "shop", "dev")), []);
  });

  it("names the resource and field that is wrong", async () => {
    await run(rootStack(), thing("a"));
    const text = await readFile(checkpoint(), "utf8");
    await writeFile(checkpoint(), text.replace(/"parent":"[^"]+"/, '"parent":7'));
    await assert.rejects(backend().read("dev"), /resource 'urn:.*::a': 'parent' must be a string/);
    await writeFile(checkpoint(), text.replace(/"parent":"[^"]+"/, '"parent":"urn:gone"'));
    await assert.rejects(backend().read("dev"), /resource urn:.*::a refers to missing parent urn:gone/);
  });

  it("refuses what only the CLI can read", async () => {
    await run(rootStack());
    const text = await readFile(checkpoint(), "utf8");
    await writeFile(checkpoint(), text.replace('"version":3', '"version":4,"features":["taint"]'));
    await assert.rejects(
      backend().read("dev"),
      /features that the embedded engine does not have: "taint". Use the Pulumi CLI/,
    );
    await writeFile(checkpoint(), text.replace('"type":"passphrase"', '"type":"awskms"'));
    await assert.rejects(backend().read("dev"), /provider "awskms"; the embedded engine has only "passphrase"/);
  });

  it("wants the right passphrase", async function () {
    this.timeout(60_000);
    await run(rootStack(), thing("a", { inputs: { pw: new Secret("x") } }));
    await assert.rejects(
      backend({ passphrase: async () => "wrong" }).open("dev", { kind: "update" }),
      /incorrect passphrase for the stack dev, please set PULUMI_CONFIG_PASSPHRASE to the correct passphrase/,
    );
    await assert.rejects(
      backend({ passphrase: async () => undefined }).open("dev", { kind: "update" }),
      /passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE/,
    );
    const blind = await backend({ passphrase: async () => undefined }).read("dev", { blind: true });
    assert.deepEqual(blind.resources[1]?.inputs, { pw: new Secret("[secret]") });
  });

  it("reads what the CLI leaves when it has only made a stack", async function () {
    this.timeout(60_000);
    await mkdir(join(root, ".pulumi", "stacks", "shop"), { recursive: true });
    await writeFile(checkpoint(), '{"version":0,"checkpoint":{"stack":"organization/shop/dev"}}');
    assert.deepEqual(await backend().read("dev"), { resources: [], pendingOperations: [] });
    assert.deepEqual(await backend().listStacks(), [{ name: "dev", resources: 0 }]);
    await run(rootStack());
    assert.equal((await backend().read("dev")).resources.length, 1);
  });

  it("refuses the layout from before projects", async () => {
    await mkdir(join(root, ".pulumi", "stacks"), { recursive: true });
    await writeFile(join(root, ".pulumi", "stacks", "dev.json"), "{}");
    await assert.rejects(backend().open("dev", { kind: "update" }), /pulumi state upgrade/);
  });

  it("keeps fields that it has no use for with a resource that stays as it is", async () => {
    await run(rootStack(), thing("a"));
    const text = await readFile(checkpoint(), "utf8");
    await writeFile(checkpoint(), text.replace('"parent":', '"hideDiff":["x"],"parent":'));
    await run(thing("b"));
    assert.match(await readFile(checkpoint(), "utf8"), /"hideDiff":\["x"\]/);
  });

  it("shows the stack's outputs, secrets only when asked", async () => {
    await run(rootStack({ url: "http://x", password: new Secret("pw") }));
    assert.deepEqual(await backend({ passphrase: async () => undefined }).stackOutputs("dev"), {
      url: "http://x",
      password: new Secret("[secret]"),
    });
    assert.deepEqual(await backend().stackOutputs("dev", { showSecrets: true }), { url: "http://x", password: "pw" });
    await assert.rejects(
      backend().stackOutputs("prod"),
      /the stack prod of shop has no state under .*: those that have one are dev/,
    );
  });

  it("exports and imports, with a copy of what was there before", async () => {
    await run(rootStack({ password: new Secret("pw") }), thing("a"));
    for (const showSecrets of [false, true]) {
      const exported = await backend().exportState("dev", { showSecrets });
      assert.equal(JSON.stringify(exported).includes('\\"pw\\"'), showSecrets);
      await run(thing("b"));
      await backend().importState("dev", exported);
      const { resources } = await backend().read("dev");
      assert.deepEqual(
        resources.map(({ urn }) => urn.split("::").at(-1)),
        ["shop-dev", "a"],
      );
      assert.deepEqual(resources[0]?.outputs, { password: new Secret("pw") });
    }
    assert.match(notes.join("\n"), /the state of dev before the import is kept in .*backups/);
  });

  it("restores what a file of the history or the copy beside the state holds", async () => {
    await run(rootStack({ password: new Secret("pw") }), thing("a"));
    const before = (await backend().read("dev")).resources;
    await run(thing("b"));
    const history = join(root, ".pulumi", "history", "shop", "dev");
    const [first = ""] = (await readdir(history)).filter((name) => name.endsWith(".checkpoint.json")).sort();
    for (const file of [`${checkpoint()}.bak`, join(history, first)]) {
      await backend().importState("dev", JSON.parse(await readFile(file, "utf8")));
      assert.deepEqual((await backend().read("dev")).resources, before);
      await run(thing("b"));
    }
    await assert.rejects(backend().importState("dev", { version: 3, checkpoint: {} }), /is no state file either/);
  });

  it("imports nothing that is not this stack's, or hangs together badly, unless forced", async () => {
    await run(rootStack(), thing("a", { dependencies: [] }));
    const before = await readFile(checkpoint(), "utf8");
    const exported = await backend().exportState("dev");
    const edited = (from: string | RegExp, to: string): unknown =>
      JSON.parse(JSON.stringify(exported).replaceAll(from, to));
    await assert.rejects(
      backend().importState("dev", edited(/urn:pulumi:dev/g, "urn:pulumi:prod")),
      /is not of the stack dev of shop/,
    );
    await assert.rejects(
      backend().importState("dev", edited(/"parent":"[^"]+"/g, '"parent":"urn:gone"')),
      /missing parent urn:gone/,
    );
    await assert.rejects(
      backend().importState("dev", { version: 2, deployment: {} }),
      /version 2 of the state's format/,
    );
    await assert.rejects(backend().importState("dev", "text"), /must be an object with `version` and `deployment`/);
    assert.equal(await readFile(checkpoint(), "utf8"), before);
    await backend().importState("dev", edited(/urn:pulumi:dev/g, "urn:pulumi:prod"), { force: true });
    assert.match(await readFile(checkpoint(), "utf8"), /urn:pulumi:prod/);
  });

  it("removes a stack only when it is empty, unless forced", async () => {
    await run(rootStack(), thing("a"));
    await assert.rejects(
      backend().removeStack("dev"),
      /refusing to remove the stack dev because it still has 1 resources/,
    );
    await backend().removeStack("dev", { force: true });
    assert.deepEqual(await backend().listStacks(), []);
    await assert.rejects(backend().removeStack("dev"), /none has one yet/);
  });

  it("refuses a name that is no stack's", async () => {
    await assert.rejects(backend().open("../x", { kind: "update" }), /invalid stack name "..\/x"/);
  });
});
