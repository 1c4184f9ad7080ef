import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { hostUnfit } from "../../local/cluster";
import { sharedCluster, type SharedCluster } from "../../local/cluster/testing";
import { declare } from "../../local/engine/declare";
import { root } from "../place";
import { skip } from "../testing/skip";
import { writeFolder } from "./folder";
import { manifestsOf } from "./manifests";

describe("rendered manifests on a real API server", function () {
  this.timeout(300_000);
  /** Beside the namespaces of the stack itself, which another test may have up in this cluster. */
  const aside = (text: string): string => text.replace(/\b(namespace|name): (data|edge)\b/g, "$1: render-test-$2");
  let cluster: SharedCluster;
  let folder: string;

  const kubectl = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(cluster.kubectl, ["--kubeconfig", cluster.kubeconfig, ...args]);
    return stdout.trim();
  };
  const files = (pattern: RegExp): string[] => readdirSync(folder).filter((file) => pattern.test(file));

  /** Takes away custom resources: their definitions are no part of the stack, and nobody has brought them to this cluster. */
  const withoutUnserved = async (): Promise<void> => {
    const served = new Set((await kubectl("api-versions")).split("\n"));
    for (const file of files(/\.yaml$/)) {
      const { apiVersion } = parse(readFileSync(join(folder, file), "utf8")) as { apiVersion: string };
      if (served.has(apiVersion)) continue;
      assert.match(apiVersion, /^(gateway\.networking\.k8s\.io|[\w.-]+\.(io|dev|com))\/v/, file);
      rmSync(join(folder, file));
      const index = join(folder, "Kustomization");
      writeFileSync(index, readFileSync(index, "utf8").replace(`  - ${file}\n`, ""));
    }
  };

  before(async function () {
    const unfit = hostUnfit();
    if (unfit) skip(this, unfit);
    cluster = await sharedCluster();
    folder = mkdtempSync(join(tmpdir(), "ballast-render-"));
    await writeFolder(folder, "local", manifestsOf(await declare({ projectDir: root, stack: "local" })));
    for (const file of files(/\.yaml$/))
      writeFileSync(join(folder, file), aside(readFileSync(join(folder, file), "utf8")));
  });
  after(async () => {
    if (folder === undefined) return;
    await kubectl("delete", "-f", folder, "--ignore-not-found", "--wait=false");
    rmSync(folder, { recursive: true });
  });

  it("are applied as they are: namespaces, then the rest in a dry run of the server, then all but what runs", async () => {
    const namespaces = files(/^10-namespace-/);
    assert.ok(namespaces.length > 0);
    for (const file of namespaces) await kubectl("apply", "-f", join(folder, file));
    await withoutUnserved();
    const objects = files(/\.yaml$/).length;
    assert.ok(objects > 20);
    const tried = await kubectl("apply", "--dry-run=server", "-f", folder);
    assert.equal(tried.split("\n").length, objects, tried);
    // By the index as well.
    const indexed = await kubectl("apply", "--dry-run=server", "-k", folder);
    assert.equal(indexed.split("\n").length, objects, indexed);
    // What all namespaces share may be another test's, and what runs would wait for its secrets.
    for (const file of files(/^20-|^30-validating|^70-/)) rmSync(join(folder, file));
    const applied = await kubectl("apply", "-f", folder);
    assert.equal(applied.split("\n").length, files(/\.yaml$/).length, applied);
    for (const file of files(/-configmap-/)) {
      const written = parse(readFileSync(join(folder, file), "utf8")) as { data: object };
      const live = JSON.parse(await kubectl("get", "-f", join(folder, file), "-o", "json")) as { data: object };
      assert.deepEqual(live.data, written.data, file);
    }
  });
});
