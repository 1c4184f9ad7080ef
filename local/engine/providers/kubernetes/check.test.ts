import assert from "node:assert/strict";

import type { PropertyMap } from "../../values";
import { factory } from "./index";
import { decode } from "./invoke";
import { recordingContext } from "./testing/harness";

describe("kubernetes provider without a cluster", () => {
  const check = async (type: string, inputs: PropertyMap): Promise<{ inputs: PropertyMap; failures: string[] }> => {
    const provider = await factory.create({ namespace: "team" }, recordingContext(undefined, true));
    const answer = await provider.check({ urn: "urn", type, name: "x", inputs, randomSeed: Buffer.alloc(32) });
    await provider.close();
    return { inputs: answer.inputs, failures: answer.failures.map(({ property, reason }) => `${property}: ${reason}`) };
  };

  it("fills in apiVersion, kind and namespace, and drops nulls", async () => {
    const { inputs } = await check("kubernetes:apps/v1:Deployment", {
      metadata: { name: "a", labels: null },
      spec: { a: null, b: 1 },
    });
    assert.deepEqual(inputs, {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "a", namespace: "team" },
      spec: { b: 1 },
    });
    assert.equal((await check("kubernetes:core/v1:ConfigMap", {})).inputs["apiVersion"], "v1");
  });

  it("gives kinds without a namespace none, and takes unknown kinds to have one", async () => {
    const role = await check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", {
      metadata: { name: "a", namespace: "stray" },
    });
    assert.deepEqual(role.inputs["metadata"], { name: "a" });
    const custom = await check("kubernetes:example.com/v1:Thing", {
      apiVersion: "example.com/v1",
      kind: "Thing",
      metadata: { name: "a" },
    });
    assert.deepEqual(custom.inputs["metadata"], { name: "a", namespace: "team" });
  });

  it("refuses what is malformed, and what it does not have", async () => {
    const annotated = (key: string, value: string): PropertyMap => ({
      metadata: { name: "a", annotations: { [key]: value } },
    });
    const failure = async (type: string, inputs: PropertyMap): Promise<string> =>
      (await check(type, inputs)).failures.join("\n");
    const map = "kubernetes:core/v1:ConfigMap";
    assert.equal(await failure(map, { metadata: [] }), "metadata: must be a map, is []");
    assert.match(
      await failure(map, annotated("pulumi.com/timeoutSeconds", "soon")),
      /must be a number of seconds above 0, is "soon"/,
    );
    assert.match(
      await failure(map, annotated("pulumi.com/deletionPropagationPolicy", "later")),
      /must be background, foreground, orphan, is "later"/,
    );
    assert.match(await failure(map, annotated("pulumi.com/skipAwait", "yes")), /must be "true" or "false"/);
    assert.match(await failure(map, annotated("pulumi.com/waitFor", "ready")), /must be "jsonpath=/);
    assert.match(await failure("kubernetes:core/v1:ConfigMapList", { items: [] }), /declare each of its items/);
    assert.match(await failure("kubernetes:core/v1:ConfigMapPatch", {}), /metadata\.name: is required/);
  });

  it("refuses charts, and takes them as they are in an offline preview", async () => {
    const release = {
      urn: "urn",
      type: "kubernetes:helm.sh/v3:Release",
      name: "x",
      inputs: { chart: "x" },
      randomSeed: Buffer.alloc(32),
    };
    const online = await factory.create({ namespace: "team" }, recordingContext(undefined, false));
    const { failures } = await online.check(release);
    assert.match(failures[0]?.reason ?? "", /no kubernetes:helm\.sh\/v3:Release; use the Pulumi CLI/);
    const offline = await factory.create({ namespace: "team" }, recordingContext(undefined, true));
    assert.deepEqual(await offline.check(release), { inputs: release.inputs, failures: [] });
    await Promise.all([online.close(), offline.close()]);
  });

  it("offline, previews need no network and leave unknown what the server would choose", async () => {
    const context = recordingContext(undefined, true);
    const provider = await factory.create({ kubeconfig: "/no/such/file" }, context);
    const inputs = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: "a" },
      stringData: { k: "v" },
    };
    const { outputs } = await provider.create({ urn: "urn", type: "kubernetes:core/v1:Secret", inputs, preview: true });
    assert.deepEqual(Object.keys(outputs["data"] as PropertyMap), ["k"]);
    assert.deepEqual(context.warnings, []);
    await provider.close();
  });

  it("decodes YAML of several documents and lists, with a default namespace", async () => {
    const source =
      "kind: A\napiVersion: v1\n---\n---\nkind: List\napiVersion: v1\nitems: [{kind: Namespace, apiVersion: v1}]\n";
    assert.deepEqual(decode(source, "team"), [
      { kind: "A", apiVersion: "v1", metadata: { namespace: "team" } },
      { kind: "Namespace", apiVersion: "v1" },
    ]);
    assert.throws(() => decode("a: [", undefined), /YAML is not valid/);
    assert.throws(() => decode("just text", undefined), /is no Kubernetes object/);
  });

  it("names a function that it does not have", async () => {
    const provider = await factory.create({}, recordingContext(undefined, true));
    await assert.rejects(provider.invoke("kubernetes:x:y", {}), /has no function kubernetes:x:y/);
    await provider.close();
  });
});
