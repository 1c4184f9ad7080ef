import assert from "node:assert/strict";
import { deployment, LABELS, podSpec, resource, run, UNKNOWN } from "../testing";
import { labelsAndOwner as rule } from "./labels-and-owner";

const configMap = (labels: unknown) =>
  resource("kubernetes:core/v1:ConfigMap", { metadata: { name: "web", namespace: "shop", labels } });

describe("policy labels-and-owner", () => {
  it("passes objects with theirs, custom ones too, and what is no object", async () => {
    const custom = resource("kubernetes:example.com/v1:Backup", { metadata: { name: "web", labels: LABELS } });
    const release = resource("kubernetes:helm.sh/v3:Release", { chart: "x" });
    const resources = [
      deployment(podSpec()),
      configMap(LABELS),
      custom,
      release,
      resource("random:index/randomPassword:RandomPassword", {}),
    ];
    assert.deepEqual(await run(rule, resources), { violations: [], notes: [] });
  });

  it("names what an object, and what a workload, lacks", async () => {
    const job = resource("kubernetes:batch/v1:Job", {
      metadata: { name: "web", namespace: "shop", labels: LABELS },
      spec: {},
    });
    assert.deepEqual((await run(rule, [configMap({ "app.kubernetes.io/part-of": "ballast" }), job])).violations, [
      "ConfigMap shop/web: metadata.labels lacks app.kubernetes.io/managed-by; add it",
      "Job shop/web: metadata.labels lacks app.kubernetes.io/name, app.kubernetes.io/component, owner; add them",
    ]);
  });

  it("notes unknown labels", async () => {
    for (const labels of [UNKNOWN, { ...LABELS, "app.kubernetes.io/part-of": UNKNOWN }]) {
      const { violations, notes } = await run(rule, [configMap(labels)]);
      assert.deepEqual(violations, []);
      assert.equal(notes.length, 1);
    }
  });
});
