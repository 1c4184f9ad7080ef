import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { exit } from "./errors";
import { Checkout, type Ended } from "./testing/checkout";
import { skip } from "./testing/skip";

const pets = (count: number, length = 2): string => `
  import { RandomPet } from "@pulumi/random/randomPet";
  export const names = [...Array(${count}).keys()].map((i) => new RandomPet("pet-" + i, { length: ${length} }).id);
`;
const embedded = ["--engine", "embedded", "--no-policy-pack"];
const upDev = ["up", "dev", "--yes", ...embedded];

describe("bad input and faults, at the command line", function () {
  this.timeout(120_000);
  let checkout: Checkout;

  beforeEach(async () => {
    checkout = await Checkout.make();
  });
  afterEach(() => checkout.remove());

  const checkpoint = (): string => join(checkout.folder, ".pulumi", "stacks", "ballast", "dev.json");

  function assertFails(ended: Ended, ...messages: RegExp[]): void {
    assert.equal(ended.code, exit.failed, ended.stdout + ended.stderr);
    for (const message of messages) assert.match(ended.stdout + ended.stderr, message);
    assert.doesNotMatch(ended.stderr, /^ {4}at /m, "no stack of ours");
  }

  it("unknown stack: names those that there are, and how to make it", async () => {
    await checkout.declare(pets(1));
    for (const operation of ["preview", "refresh", "destroy"]) {
      const more = operation === "preview" ? ["--no-policy-pack"] : ["--yes"];
      assertFails(
        await checkout.ballast([operation, "nope", "--engine", "embedded", ...more]),
        /^ballast: no stack named "nope" in the project ballast: its stacks are dev, local, prod, staging\. To make it, write .*stacks\/Pulumi\.nope\.yaml/,
      );
    }
  });

  it("malformed YAML: names file, line and column, and nothing is made", async () => {
    await checkout.declare(pets(1), "config:\n  ballast:a: [1, 2\n  ballast:b: 3\n");
    assertFails(await checkout.ballast(upDev), /^ballast: .*stacks\/Pulumi\.dev\.yaml:3.*/);
    await assert.rejects(readFile(checkpoint()), /ENOENT/);
  });

  it("a wrong type, unit and range in the configuration: each named with its key, its value and what is right", async () => {
    const local = join(checkout.folder, "stacks", "Pulumi.local.yaml");
    const good = await readFile(local, "utf8");
    const bad = good
      .replace(/instances: \d+/, "instances: three")
      .replace(/storage: 5Gi/, "storage: 5 gigs")
      .replace(/pods: 20/, "pods: -20");
    await writeFile(local, bad);
    const ended = await checkout.ballast(["preview", "local", "--offline", ...embedded]);
    assertFails(ended, /instances.*"three".*/, /storage.*"5 gigs"/, /pods.*-20/);
  });

  it("wrong passphrase: says which stack and what to set, and leaves the state as it is", async () => {
    await checkout.declare(`import * as pulumi from "@pulumi/pulumi"; export const token = pulumi.secret("s3cret");`);
    assert.equal((await checkout.ballast(upDev)).code, exit.done);
    const before = await readFile(checkpoint(), "utf8");
    for (const operation of [
      upDev,
      ["output", "dev", "--show-secrets"],
      ["state", "export", "dev", "--show-secrets"],
    ]) {
      const ended = await checkout.ballast(operation, { PULUMI_CONFIG_PASSPHRASE: "wrong horse" });
      assertFails(ended, /^ballast: incorrect passphrase for the stack dev, please set PULUMI_CONFIG_PASSPHRASE/m);
      assert.doesNotMatch(ended.stdout + ended.stderr, /wrong horse|s3cret/);
    }
    assert.equal(await readFile(checkpoint(), "utf8"), before);
    assert.equal((await checkout.ballast(["output", "dev", "token", "--show-secrets"])).stdout, "s3cret\n");
  });

  it("a locked stack: says who holds it and how to release it; released that way, the next run goes on", async () => {
    await checkout.declare(pets(1));
    const folder = join(checkout.folder, ".pulumi", "locks", "organization", "ballast", "dev");
    await mkdir(folder, { recursive: true });
    const holder = { username: "ann", hostname: hostname(), pid: process.pid, timestamp: new Date().toISOString() };
    await writeFile(join(folder, "0f0c7a4e.json"), JSON.stringify(holder));
    assertFails(
      await checkout.ballast(upDev),
      new RegExp(`the stack dev is currently locked by 1 other run\\..*\`ballast state cancel dev\``),
      new RegExp(`held by ann@\\S+ \\(pid ${process.pid}\\) since 20`),
    );
    const released = await checkout.ballast(["state", "cancel", "dev"]);
    assert.deepEqual([released.code, /^released: ann@/.test(released.stdout)], [exit.done, true]);
    assert.equal((await checkout.ballast(upDev)).code, exit.done);
  });

  it("the program throws: shows its message and where, keeps what was made, and the mended program goes on", async () => {
    await checkout.declare(
      `${pets(2)}\nnames[1]?.apply(() => { throw new Error("the disk of " + "the printer is full"); });`,
    );
    const ended = await checkout.ballast([...upDev, "--skip-preview"]);
    assertFails(ended, /the disk of the printer is full/, /program\/index\.ts:\d+/);
    const state = await readFile(checkpoint(), "utf8");
    assert.match(state, /::pet-1"/);
    await checkout.declare(pets(2));
    const mended = await checkout.ballast([...upDev, "--json"]);
    const { changeSummary } = JSON.parse(mended.stdout) as { changeSummary: Record<string, number> };
    assert.deepEqual([mended.code, changeSummary["same"]], [exit.done, 4]);
  });

  it("the program is killed: says so, and keeps what was made", async () => {
    await checkout.declare(`${pets(2)}\nnames[1]?.apply(() => void process.kill(process.pid, "SIGKILL"));`);
    assertFails(await checkout.ballast([...upDev, "--skip-preview"]), /the program was ended by SIGKILL/);
    await checkout.declare(pets(2));
    assert.equal((await checkout.ballast(upDev)).code, exit.done);
  });

  it("disk full while state is written: the old state survives, the message says why, and with room the next run goes on", async function () {
    if (process.getuid?.() !== 0) skip(this, "mounting a small file system takes root");
    const small = join(checkout.folder, "small");
    await mkdir(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=128k", "tmpfs", small]);
    try {
      const there = { PULUMI_BACKEND_URL: `file://${small}` };
      const file = join(small, ".pulumi", "stacks", "ballast", "dev.json");
      await checkout.declare(pets(3));
      assert.equal((await checkout.ballast(upDev, there)).code, exit.done);
      const before = await resourcesIn(file);
      await checkout.declare(pets(300));
      const full = await checkout.ballast([...upDev, "--skip-preview"], there);
      assertFails(full, /the state of dev .* \(the disk is full: ENOSPC/);
      assert.deepEqual((await resourcesIn(file)).slice(0, before.length), before);
      execFileSync("mount", ["-o", "remount,size=8m", small]);
      const again = await checkout.ballast([...upDev, "--skip-preview", "--json"], there);
      assert.equal(again.code, exit.done, again.stdout + again.stderr);
      const after = await resourcesIn(file);
      assert.equal(after.length, 302);
      assert.deepEqual(idsIn(after.slice(1, before.length)), idsIn(before.slice(1)));
    } finally {
      execFileSync("umount", [small]);
    }
  });
});

interface Recorded {
  readonly urn: string;
  readonly id?: string;
}
const idsIn = (resources: readonly Recorded[]): string[] => resources.map(({ urn, id }) => `${urn} ${id}`);

/** What a state file holds, which must be whole. */
async function resourcesIn(file: string): Promise<Recorded[]> {
  const state = JSON.parse(await readFile(file, "utf8")) as { checkpoint: { latest: { resources: Recorded[] } } };
  return state.checkpoint.latest.resources;
}
