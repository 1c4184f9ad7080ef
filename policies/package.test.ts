import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import type { EngineEvent } from "../local/engine/events";
import { startPolicyPack } from "../local/engine/policy/runner";
import type { PropertyMap } from "../local/engine/values";
import manifest from "./package.json";
import { rulesOf } from "./pack";
import { container, deploymentProps, podSpec } from "./testing";

interface Packed {
  readonly files: readonly { readonly path: string }[];
}

/** What is only for this repository: tests, what they need, and what writes its documentation. */
const LEFT_OUT = /\.test\.ts$|^fixtures\/|^(?:testing|catalogue)\.ts$/;
/** Imports, exports from elsewhere and dynamic imports, but not those of types alone: they are all in the same files. */
const IMPORTED = /(?:\bfrom|\bimport\()\s*"([^"]+)"/g;

async function packed(): Promise<string[]> {
  const run = promisify(execFile);
  const { stdout } = await run("npm", ["pack", "--dry-run", "--json", "--offline"], { cwd: __dirname });
  const [pack] = JSON.parse(stdout) as Packed[];
  return (pack?.files ?? []).map(({ path }) => path).sort();
}

async function sources(): Promise<string[]> {
  const entries = await readdir(__dirname, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(__dirname, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith("node_modules"))
    .sort();
}

describe("the published pack", function () {
  this.timeout(180_000);

  let files: string[];
  before(async () => {
    files = await packed();
  });

  it("holds every source, and nothing that only this repository needs", async () => {
    const expected = (await sources()).filter((path) => !LEFT_OUT.test(path));
    assert.deepEqual(files, expected);
    for (const { name } of rulesOf([])) assert.ok(files.includes(`rules/${name}.ts`), name);
  });

  it("imports nothing from outside of its folder, and only packages that it depends on", async () => {
    const allowed = new Set(Object.keys(manifest.dependencies));
    for (const path of files.filter((name) => name.endsWith(".ts"))) {
      const text = await readFile(join(__dirname, path), "utf8");
      for (const [, name = ""] of text.matchAll(IMPORTED)) {
        const local = name.startsWith(".") ? resolve(__dirname, dirname(path), name) : undefined;
        if (local === undefined) {
          const [scope = "", rest = ""] = name.split("/");
          const packageName = scope.startsWith("@") ? `${scope}/${rest}` : scope;
          assert.ok(allowed.has(packageName), `${path}: ${name}`);
        } else {
          const target = local.slice(__dirname.length + 1);
          assert.ok(files.includes(target) || files.includes(`${target}.ts`), `${path}: ${name}`);
        }
      }
    }
  });

  it("depends on exact versions, those that this repository is tested with", async () => {
    const root = JSON.parse(await readFile(join(__dirname, "../package.json"), "utf8")) as Record<string, unknown>;
    const tested = { ...(root["dependencies"] as object), ...(root["devDependencies"] as object) } as Record<
      string,
      string
    >;
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
      assert.equal(version, tested[name], name);
    }
  });

  describe("in a folder of its own", () => {
    let directory: string;
    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "ballast-pack-"));
      for (const path of files) await cp(join(__dirname, path), join(directory, path));
      // In place of `npm install`, which needs a network.
      await symlink(resolve(__dirname, "../node_modules"), join(directory, "node_modules"));
    });
    after(() => rm(directory, { recursive: true, force: true }));

    it("runs", async () => {
      const events: EngineEvent[] = [];
      const pack = await startPolicyPack({
        directory,
        config: {},
        project: "shop",
        stack: "dev",
        organization: "organization",
        dryRun: true,
        events: (event) => events.push(event),
        signal: new AbortController().signal,
      });
      try {
        const type = "kubernetes:apps/v1:Deployment";
        const analyze = (changes: Record<string, unknown>): Promise<number> => {
          const spec = podSpec({ containers: [container(changes)] });
          const properties = JSON.parse(JSON.stringify(deploymentProps(spec))) as PropertyMap;
          const urn = `urn:pulumi:dev::shop::${type}::web`;
          return pack.analyze({ urn, type, name: "web", properties, dependencies: [], propertyDependencies: {} });
        };
        assert.equal(await analyze({}), 0);
        assert.equal(await analyze({ image: "ghcr.io/ballast-platform/app" }), 1);
        assert.ok(events.some((event) => event.kind === "policy" && event.policy === "image-pinned"));
      } finally {
        await pack.close();
      }
    });
  });
});
