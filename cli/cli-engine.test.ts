import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../local/cluster";
import { exit } from "./errors";
import { Checkout, type Ended } from "./testing/checkout";
import { skip } from "./testing/skip";

const program = (greeting: string, more = ""): string => `
  import * as pulumi from "@pulumi/pulumi";
  new pulumi.ComponentResource("test:index:Thing", "thing");
  ${more}
  export const greeting = "${greeting}";
  export const token = pulumi.secret("s3cret");
`;

/** With the real CLI, as far as it gets without provider plugins, which come from a server that tests do not depend on: components and outputs. */
describe("--engine pulumi", function () {
  this.timeout(300_000);
  let checkout: Checkout;
  let home: string;

  before(async function () {
    if ((await findProgram("pulumi")) === undefined) skip(this, "the Pulumi CLI is not on PATH");
    home = await mkdtemp(join(tmpdir(), "ballast-pulumi-home-"));
    checkout = await Checkout.make({ PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" });
    await checkout.declare(program("hello"));
  });
  after(async () => {
    await (checkout as typeof checkout | undefined)?.remove();
    if (home) await rm(home, { recursive: true, force: true });
  });

  const cli = (...args: string[]): Promise<Ended> => checkout.ballast([...args, "--engine", "pulumi"]);
  const upDev = ["up", "dev", "--yes", "--no-policy-pack"];
  const changes = async (): Promise<Record<string, number>> => {
    const { stdout } = await checkout.ballast([
      ...["preview", "dev", "--engine", "embedded", "--no-policy-pack", "--json"],
    ]);
    return (JSON.parse(stdout) as { changeSummary: Record<string, number> }).changeSummary;
  };

  it("is chosen by itself where the CLI is on PATH, and both engines then find nothing to do", async () => {
    const made = await checkout.ballast(upDev);
    assert.equal(made.code, exit.done, made.stdout + made.stderr);
    assert.match(made.stdout, /\+ 2 created/);
    assert.deepEqual(await changes(), { same: 2 });
    assert.equal((await checkout.ballast(["output", "dev", "token", "--show-secrets"])).stdout, "s3cret\n");
    const again = await cli(...upDev, "--json");
    assert.equal(again.code, exit.done, again.stderr);
    const summary = JSON.parse(again.stdout) as { result: string; resourceChanges: Record<string, number> };
    assert.deepEqual([summary.result, summary.resourceChanges], ["succeeded", { same: 2 }]);
  });

  it("previews, refreshes, and takes up what the embedded engine has changed", async () => {
    await checkout.declare(program("good day", `new pulumi.ComponentResource("test:index:Thing", "second");`));
    const planned = await cli("preview", "dev", "--no-policy-pack", "--json");
    assert.deepEqual([planned.code, JSON.parse(planned.stdout)], [exit.done, { create: 1, same: 2 }], planned.stderr);
    assert.equal((await checkout.ballast([...upDev, "--engine", "embedded"])).code, exit.done);
    const refreshed = await cli("refresh", "dev", "--yes");
    assert.equal(refreshed.code, exit.done, refreshed.stdout + refreshed.stderr);
    assert.match((await cli(...upDev)).stdout, /3 unchanged/);
  });

  it("says in one line why the CLI refused, with the exit code of a failure", async () => {
    await checkout.declare(program("broken", `throw new Error("the printer is on fire");`));
    const failed = await cli(...upDev);
    assert.equal(failed.code, exit.failed);
    assert.match(failed.stdout + failed.stderr, /the printer is on fire/);
    assert.match(failed.stderr, /^ballast: the Pulumi CLI refused: .+$/m);
  });

  it("makes no stack of a mistyped name", async () => {
    const ended = await cli("up", "devv", "--yes", "--no-policy-pack");
    assert.equal(ended.code, exit.failed);
    assert.match(ended.stderr, /^ballast: the Pulumi CLI refused: no stack named 'devv' found$/m);
    assert.ok(!(await readdir(join(checkout.folder, "stacks"))).includes("Pulumi.devv.yaml"));
  });

  it("destroys, and leaves the stack's file with nothing but its salt added", async () => {
    await checkout.declare(program("bye"), await readFile(join(checkout.folder, "stacks", "Pulumi.dev.yaml"), "utf8"));
    const gone = await cli("destroy", "dev", "--yes");
    assert.equal(gone.code, exit.done, gone.stdout + gone.stderr);
    assert.match((await checkout.ballast(["state", "list"])).stdout, /^dev\t0 resources/m);
  });
});
