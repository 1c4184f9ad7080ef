import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { EngineEvent } from "./events";
import { destroy, exportState, outputs, preview, refresh, up } from ".";
import { Secret } from "./values";

const program = (length: number): string => `
  import * as random from "@pulumi/random";
  const password = new random.RandomPassword("password", { length: ${length} });
  const pet = new random.RandomPet("pet", { keepers: { length: String(${length}) } }, { dependsOn: password });
  export const secret = password.result;
  export const length = secret.apply((text) => text.length);
  export const pets = [pet.id];
`;

describe("operations on a stack in files", function () {
  this.timeout(240_000);
  let folder: string;
  const passphrase = async (): Promise<string> => "correct horse";
  const events: EngineEvent[] = [];
  const options = { stack: "dev", passphrase, events: (event: EngineEvent) => void events.push(event) };
  const write = (source: string): void => writeFileSync(path.join(folder, "index.ts"), source);
  const checkpoint = (): string => path.join(folder, ".pulumi/stacks/sample/dev.json");
  const passes = (): boolean[] => events.flatMap((event) => (event.kind === "prelude" ? [event.dryRun] : []));

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), "engine-operations-"));
    symlinkSync(path.resolve(__dirname, "../../node_modules"), path.join(folder, "node_modules"));
    writeFileSync(path.join(folder, "Pulumi.yaml"), "name: sample\nruntime: nodejs\n");
    writeFileSync(path.join(folder, "Pulumi.dev.yaml"), "config: {}\n");
    writeFileSync(path.join(folder, "package.json"), "{}");
    write(program(12));
  });
  after(() => rmSync(folder, { recursive: true }));
  beforeEach(() => {
    events.length = 0;
  });

  it("names the stacks that there are when asked for another", async () => {
    await assert.rejects(
      preview({ ...options, projectDir: folder, stack: "nope" }),
      /no stack named "nope".*its stacks are dev/,
    );
  });

  it("changes nothing when the plan is declined", async () => {
    const declined = await up({
      ...options,
      projectDir: folder,
      confirm: async ({ changes }) => (changes.create ?? 0) < 4,
    });
    assert.deepEqual([declined.result, declined.changes, passes()], ["canceled", { create: 4 }, [true]]);
    await assert.rejects(outputs({ ...options, projectDir: folder }), /has no state/);
  });

  it("makes the stack, then finds nothing to do with one run of the program and leaves the file alone", async () => {
    const made = await up({ ...options, projectDir: folder, skipPreview: true });
    assert.deepEqual([made.result, made.changes], ["succeeded", { create: 4 }]);
    assert.ok(made.outputs.secret instanceof Secret);
    assert.ok(!readFileSync(checkpoint(), "utf8").includes(String(made.outputs.secret.value)), "no secret in clear");
    const { mtimeMs } = statSync(checkpoint());
    events.length = 0;
    const again = await up({ ...options, projectDir: folder });
    assert.deepEqual([again.result, again.changes, passes()], ["succeeded", { same: 4 }, [true]]);
    assert.equal(statSync(checkpoint()).mtimeMs, mtimeMs);
    assert.deepEqual(
      readdirSync(path.join(folder, ".pulumi/locks"), { recursive: true }).filter((name) =>
        String(name).endsWith(".json"),
      ),
      [],
    );
  });

  it("replaces what a change means to replace, and refreshes, shows and exports", async () => {
    write(program(16));
    const changed = await up({ ...options, projectDir: folder, skipPreview: true });
    assert.deepEqual([changed.result, changed.changes], ["succeeded", { same: 2, replace: 2 }]);
    const refreshed = await refresh({ ...options, projectDir: folder });
    assert.deepEqual([refreshed.result, refreshed.changes], ["succeeded", { same: 2 }]);
    assert.equal(String((await outputs({ ...options, projectDir: folder, showSecrets: true })).secret).length, 16);
    const { deployment } = await exportState({ ...options, projectDir: folder });
    assert.equal((deployment.resources as unknown[]).length, 4);
  });

  it("previews offline what it has no provider for", async () => {
    write(`
      import * as pulumi from "@pulumi/pulumi";
      class Bucket extends pulumi.CustomResource {
        declare readonly arn: pulumi.Output<string>;
        constructor(name: string) { super("aws:s3/bucket:Bucket", name, { arn: undefined, acl: "private" }); }
      }
      export const arn = new Bucket("logs").arn;
    `);
    const refused = await preview({ ...options, projectDir: folder });
    assert.equal(refused.result, "failed");
    assert.match(refused.diagnostics.map(({ message }) => message).join(), /no provider 'aws'.*--engine pulumi/);
    const offline = await preview({ ...options, projectDir: folder, offline: true });
    assert.deepEqual([offline.result, offline.changes], ["succeeded", { same: 1, create: 2, delete: 3 }]);
  });

  it("destroys everything", async () => {
    const gone = await destroy({ ...options, projectDir: folder });
    assert.deepEqual([gone.result, gone.changes, passes()], ["succeeded", { delete: 4 }, [true, false]]);
    assert.equal((await exportState({ ...options, projectDir: folder })).deployment.resources, undefined);
  });
});
