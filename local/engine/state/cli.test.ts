import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { skip } from "../../../cli/testing/skip";
import { destroy, exportState, importState, outputs, preview, refresh, up } from "..";
import { findStack, lockStack } from "../stack";
import { TestProject } from "../testing/project";
import { LockedError } from "./lock";

const run = promisify(execFile);

const components = (more = ""): string => `
  import * as pulumi from "@pulumi/pulumi";
  class Box extends pulumi.ComponentResource {
    constructor(name: string, parent?: Box) {
      super("peer:index:Box", name, {}, { parent });
      this.registerOutputs({ called: name, secretly: pulumi.secret(name + "!") });
    }
  }
  const outer = new Box("outer");
  new Box("inner", outer);
  ${more}
  export const token = new pulumi.Config().requireSecret("token");
  export const list = [1, { deep: pulumi.secret("s3cret") }, null, true];
  export const text = "naïve & <plain>";
`;
const passwords = `
  import * as pulumi from "@pulumi/pulumi";
  import { RandomPassword } from "@pulumi/random/randomPassword";
  import { RandomPet } from "@pulumi/random/randomPet";
  const password = new RandomPassword("password", { length: 12 });
  export const pet = new RandomPet("pet", {}, { dependsOn: password }).id;
  export const result = password.result;
  export const token = new pulumi.Config().requireSecret("token");
`;

/**
 * State that goes to the Pulumi CLI and comes back. Not covered: the CLI's own updates of resources that have a provider, since its provider plugins
 * come from a server that this project's tests do not depend on; what is covered of such a state is all that needs no plugin.
 */
describe("the Pulumi CLI, on the same folder", function () {
  this.timeout(300_000);
  let home: string;
  let state: string;
  let project: TestProject;
  let environment: NodeJS.ProcessEnv;

  before(async function () {
    try {
      await run("pulumi", ["version"]);
    } catch {
      skip(this, "the Pulumi CLI is not on PATH");
    }
    home = mkdtempSync(path.join(tmpdir(), "ballast-pulumi-home-"));
  });
  after(() => {
    if (home) rmSync(home, { recursive: true, force: true });
  });
  beforeEach(() => {
    state = mkdtempSync(path.join(tmpdir(), "ballast-pulumi-state-"));
    project = new TestProject({ name: "peer", program: components(), stacks: {}, state });
    environment = {
      ...process.env,
      PULUMI_HOME: home,
      PULUMI_BACKEND_URL: undefined,
      PULUMI_CONFIG_PASSPHRASE: project.passphrase,
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
  });
  afterEach(() => {
    project.remove();
    rmSync(state, { recursive: true, force: true });
  });

  const pulumi = async (...args: string[]): Promise<string> =>
    (await run("pulumi", [...args, "--non-interactive"], { cwd: project.folder, env: environment })).stdout;
  const refused = async (...args: string[]): Promise<string> => {
    const failure = await pulumi(...args).then(
      (stdout) => assert.fail(`pulumi ${args.join(" ")} went through:\n${stdout}`),
      (error: { stdout: string; stderr: string }) => error,
    );
    return failure.stdout + failure.stderr;
  };
  const pulumiJson = async <T>(...args: string[]): Promise<T> => JSON.parse(await pulumi(...args)) as T;
  const expectNothing = ["--stack", "dev", "--expect-no-changes"];

  it("what the CLI made goes on with us, and back again, each finding nothing to do", async () => {
    await pulumi("login", `file://${state}`);
    await pulumi("stack", "init", "dev");
    await pulumi("config", "set", "--stack", "dev", "--secret", "token", "hush");
    await pulumi("up", "--yes", "--stack", "dev");
    const theirs = project.checkpoint();

    const same = await up(project.options());
    assert.deepEqual([same.result, same.changes], ["succeeded", { same: 3 }]);
    assert.equal(project.checkpoint(), theirs, "a run that changes nothing leaves the file alone");
    const { token, list, text } = await outputs({ ...project.options(), showSecrets: true });
    assert.deepEqual([token, list, text], ["hush", [1, { deep: "s3cret" }, null, true], "naïve & <plain>"]);

    project.write(components(`new Box("third");`));
    assert.deepEqual((await up(project.options())).changes, { same: 3, create: 1 });
    await pulumi("up", "--yes", ...expectNothing);
    assert.deepEqual((await preview(project.options())).changes, { same: 4 });

    project.write(components());
    await pulumi("up", "--yes", "--stack", "dev");
    assert.deepEqual((await up(project.options())).changes, { same: 3 });
    await pulumi("refresh", "--yes", ...expectNothing);
    assert.equal((await refresh(project.options())).result, "succeeded");
    assert.equal((await destroy(project.options())).result, "succeeded");
    await pulumi("stack", "rm", "--yes", "dev", "--preserve-config");
    assert.ok(!existsSync(path.join(state, ".pulumi", "stacks", "peer", "dev.json")));
  });

  it("what we made is read, edited and moved by the CLI, and goes on with us", async () => {
    project.writeStack("dev", "config: {}\n");
    await pulumi("login", `file://${state}`);
    project.write(passwords.replace(/^.*token.*$/m, ""));
    assert.equal((await up(project.options())).result, "succeeded");
    const made = await outputs({ ...project.options(), showSecrets: true });

    const [listed] = await pulumiJson<{ name: string; resourceCount: number }[]>("stack", "ls", "--json");
    assert.deepEqual([listed?.name, listed?.resourceCount], ["dev", 4]);
    const shown = await pulumi("stack", "--show-ids", "--stack", "dev");
    assert.ok(shown.includes(String(made.pet)) && shown.includes("random:index/randomPassword:RandomPassword"));
    const output = ["stack", "output", "--json", "--stack", "dev"];
    assert.deepEqual(await pulumiJson(...output, "--show-secrets"), made);
    assert.equal((await pulumiJson<Record<string, unknown>>(...output)).result, "[secret]");
    const exported = await pulumi("stack", "export", "--stack", "dev");
    assert.deepEqual(
      (JSON.parse(exported) as { deployment: { resources: unknown } }).deployment.resources,
      (await exportState(project.options())).deployment.resources,
    );

    // A secret that the CLI puts into the configuration is for us to open.
    await pulumi("config", "set", "--stack", "dev", "--secret", "token", "hush");
    assert.equal(await pulumi("config", "get", "--stack", "dev", "token"), "hush\n");
    project.write(passwords);
    const again = await up(project.options());
    assert.deepEqual([again.result, again.changes], ["succeeded", { same: 4 }]);
    assert.equal((await outputs({ ...project.options(), showSecrets: true })).token, "hush");

    const pet = `urn:pulumi:dev::peer::random:index/randomPet:RandomPet::pet`;
    await pulumi("state", "protect", "--yes", "--stack", "dev", pet);
    const kept = await destroy(project.options());
    assert.deepEqual([kept.result, /protected and cannot be deleted/.test(JSON.stringify(kept))], ["failed", true]);
    await pulumi("state", "unprotect", "--yes", "--stack", "dev", pet);

    const file = path.join(project.folder, "exported.json");
    writeFileSync(file, await pulumi("stack", "export", "--show-secrets", "--stack", "dev"));
    await pulumi("stack", "import", "--stack", "dev", "--file", file);
    await importState({ ...project.options(), state: JSON.parse(readFileSync(file, "utf8")) as unknown });
    assert.deepEqual((await up(project.options())).changes, { same: 4 });

    await pulumi("stack", "rename", "--stack", "dev", "organization/peer/moved");
    if (!existsSync(path.join(project.folder, "Pulumi.moved.yaml")))
      renameSync(path.join(project.folder, "Pulumi.dev.yaml"), path.join(project.folder, "Pulumi.moved.yaml"));
    const moved = project.options({ stack: "moved" });
    assert.deepEqual((await up(moved)).changes, { same: 4 });
    assert.deepEqual(await outputs({ ...moved, showSecrets: true }), { ...made, token: "hush" });
    assert.equal((await destroy(moved)).result, "succeeded");
  });

  it("each respects the other's lock", async () => {
    project.writeStack("dev", "config: {}\n");
    await pulumi("login", `file://${state}`);
    project.write(`export const a = 1;`);
    await up(project.options());
    const session = await lockStack(await findStack(project.options()), "update");
    try {
      assert.match(await refused("up", "--yes", "--stack", "dev"), /currently locked by 1 lock\(s\)[^]*pid \d+/);
    } finally {
      await session.close("succeeded", {});
    }

    // Their program waits for a file, and so holds the lock.
    const [started, go] = ["started", "go"].map((name) => path.join(project.folder, name)) as [string, string];
    project.write(`
      import { existsSync, writeFileSync } from "node:fs";
      export = async () => {
        writeFileSync(${JSON.stringify(started)}, "");
        while (!existsSync(${JSON.stringify(go)})) await new Promise((resolve) => setTimeout(resolve, 50));
        return { a: 2 };
      };
    `);
    const theirs = pulumi("up", "--yes", "--skip-preview", "--stack", "dev");
    try {
      while (!existsSync(started)) await Promise.race([theirs, new Promise((resolve) => setTimeout(resolve, 50))]);
      await assert.rejects(up(project.options()), (error: Error) => {
        assert.ok(error instanceof LockedError);
        assert.match(error.message, /held by .* \(pid \d+\) since/);
        return true;
      });
    } finally {
      mkdirSync(go);
      await theirs;
    }
    assert.deepEqual((await up(project.options())).changes, { same: 1 });
  });
});
