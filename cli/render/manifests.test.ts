import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { ResourceState } from "../../local/engine/state/store";
import { type PropertyMap, Secret, UNKNOWN } from "../../local/engine/values";
import { CommandError } from "../errors";
import { checkFolder, writeFolder } from "./folder";
import { manifestsOf } from "./manifests";

function object(kind: string, name: string, more: PropertyMap = {}, apiVersion = "v1"): ResourceState {
  const type = `kubernetes:${apiVersion === "v1" ? "core/v1" : apiVersion}:${kind}`;
  const inputs = { apiVersion, kind, metadata: { name, namespace: "shop" }, ...more };
  return { urn: `urn:pulumi:dev::demo::${type}::${name}`, type, custom: true, inputs, outputs: {} };
}

describe("manifests of a stack", () => {
  it("are one file an object, named in the order in which they can be applied", () => {
    const namespace = object("Namespace", "shop", { metadata: { name: "shop" } });
    const { manifests, omitted } = manifestsOf({
      resources: [
        object("Widget", "w", {}, "example.com/v1"),
        object("Widget", "w", {}, "example.org/v1"),
        object("Deployment", "web", {}, "apps/v1"),
        object("ClusterRole", "system:reader", { metadata: { name: "system:reader" } }, "rbac.authorization.k8s.io/v1"),
        namespace,
        { ...namespace, urn: `${namespace.urn}-component`, type: "demo:index:Shop", custom: false },
      ],
    });
    assert.deepEqual(
      manifests.map(({ file }) => file),
      [
        "10-namespace-shop.yaml",
        "40-clusterrole-system_reader.yaml",
        "70-deployment-shop-web.yaml",
        "80-widget-shop-w-2.yaml",
        "80-widget-shop-w.yaml",
      ],
    );
    assert.deepEqual(omitted, []);
  });

  it("say what they say to a reader of YAML 1.1, and nothing of Pulumi", () => {
    const data = { yes: "on", octal: "0777", time: "1:30", float: "1e3", empty: "", lines: "a\nb: c\n" };
    const annotations = { "pulumi.com/skipAwait": "true", owner: "me" };
    const [manifest] = manifestsOf({
      resources: [object("ConfigMap", "c", { data, metadata: { name: "c", annotations } })],
    }).manifests;
    const read = parse(manifest?.text ?? "", { version: "1.1" }) as { data: object; metadata: object };
    assert.deepEqual(read.data, data);
    assert.deepEqual(read.metadata, { name: "c", annotations: { owner: "me" } });
  });

  it("leave out Secrets and what holds a secret, is unknown or is no object of Kubernetes, each with its reason", () => {
    const { manifests, omitted } = manifestsOf({
      resources: [
        object("Secret", "s", { stringData: { a: "hunter2" } }),
        object("ConfigMap", "c", { data: { a: new Secret("hunter2") } }),
        object("ConfigMap", "u", { data: { "a.b": UNKNOWN } }),
        { ...object("Pod", "r"), type: "random:index/randomPet:RandomPet" },
        { ...object("Release", "h"), type: "kubernetes:helm.sh/v3:Release" },
        { ...object("ConfigMap", "e"), inputs: {}, external: true },
        { ...object("ConfigMap", "p"), type: "kubernetes:core/v1:ConfigMapPatch" },
      ],
    });
    assert.deepEqual(manifests, []);
    assert.deepEqual(
      omitted.map(({ name, reason }) => [name, reason]),
      [
        ["shop/s", "it is a Secret, whose content belongs in no file"],
        ["shop/c", "it holds a secret at data.a"],
        ["shop/u", 'only a deployment can tell data["a.b"]'],
        ["shop/r", "it is no Kubernetes object"],
        ["shop/h", "its objects are made by a provider when the stack is deployed"],
        ["e", "the program only looks it up; something else makes it"],
        ["shop/p", "it changes an object that something else has made"],
      ],
    );
  });
});

describe("the folder that manifests are written to", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "ballast-render-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("may be missing or empty; one with content takes --force, and a file never does", async () => {
    await checkFolder(join(folder, "missing"), false);
    await checkFolder(folder, false);
    writeFileSync(join(folder, "mine"), "");
    const usage = (error: unknown): boolean => error instanceof CommandError && error.code === 2;
    await assert.rejects(checkFolder(folder, false), usage);
    await checkFolder(folder, true);
    await assert.rejects(checkFolder(join(folder, "mine"), true), usage);
  });

  it("loses what an earlier render wrote, and nothing else", async () => {
    writeFileSync(join(folder, "mine"), "");
    const rendered = manifestsOf({ resources: [object("ConfigMap", "a"), object("Secret", "b")] });
    await writeFolder(folder, "dev", rendered);
    assert.deepEqual(readdirSync(folder).sort(), ["50-configmap-shop-a.yaml", "Kustomization", "README.md", "mine"]);
    assert.match(
      readFileSync(join(folder, "README.md"), "utf8"),
      /\| kubernetes:core\/v1:Secret \| shop\/b \| it is a Secret/,
    );
    await writeFolder(folder, "dev", manifestsOf({ resources: [object("ConfigMap", "c")] }));
    assert.deepEqual(readdirSync(folder).sort(), ["50-configmap-shop-c.yaml", "Kustomization", "README.md", "mine"]);
    const index = parse(readFileSync(join(folder, "Kustomization"), "utf8")) as { resources: string[] };
    assert.deepEqual(index.resources, ["50-configmap-shop-c.yaml"]);
  });
});
