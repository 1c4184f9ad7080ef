import assert from "node:assert/strict";
import { imageReference } from "../../infra/imageReference";
import { rulesOf } from "../../policies/pack";
import { resource, run as check, type Properties } from "../../policies/testing";
import { pinnedVersion } from "../k6/binary";
import { bundle } from "../run";
import { makePlan } from "../plan";
import { scenarioTable } from "../table";
import { clusterTargets } from "../targets";
import { manifests, runLabel, runName, shardedPlan, type Manifest, type ShardedRun } from "./manifests";

const id = "20261127T093342Z-abc123";
const scenarios = scenarioTable().scenarios.filter(({ service }) => service === "taskdb");
const targets = clusterTargets({ taskdb: { host: "taskdb.apps.svc", port: 8080 } });
const planFor = (shards: number) =>
  shardedPlan(makePlan({ run: id, environment: "prod", profile: "baseline", scenarios, targets }), shards);

async function sent(shards = 3): Promise<ShardedRun> {
  const plan = planFor(shards);
  const pods = { "app.kubernetes.io/name": "taskdb" };
  return {
    plan,
    script: await bundle(plan),
    targets: [{ namespace: "apps", pods, port: 8080 }],
    sender: "laptop/42",
  };
}

const find = (all: readonly Manifest[], kind: string, end = ""): Manifest => {
  const found = all.find((each) => each.kind === kind && each.metadata.name.endsWith(end));
  assert.ok(found, kind);
  return found;
};

describe("a load from inside the cluster", function () {
  this.timeout(20_000);

  it("keeps every rule of the pack on its objects, also production's", async () => {
    const resources = manifests(await sent()).map(({ apiVersion, kind, ...props }) => {
      const version = apiVersion === "v1" ? "core/v1" : apiVersion;
      return resource(`kubernetes:${version}:${kind}`, JSON.parse(JSON.stringify(props)) as Properties, "prod");
    });
    const rules = rulesOf([]).filter(({ scope }) => scope !== "stack");
    assert.ok(rules.length > 15);
    for (const rule of rules) {
      const { violations } = await check(rule, resources, { stack: "prod" });
      assert.deepEqual(violations, [], rule.name);
    }
  });

  it("is one Job with an index for each shard, of which none runs twice", async () => {
    const { spec } = find(manifests(await sent()), "Job") as unknown as { spec: Record<string, unknown> };
    assert.deepEqual(
      ["completionMode", "completions", "parallelism", "backoffLimitPerIndex"].map((field) => spec[field]),
      ["Indexed", 3, 3, 0],
    );
  });

  it("is sent by the k6 that the scripts are written for", async () => {
    assert.equal(imageReference("k6").split(":")[1], await pinnedVersion());
  });

  it("opens the way from its own pods to those under load, on their port, and to DNS", async () => {
    const all = manifests(await sent());
    const own = { [runLabel]: id };
    const job = find(all, "Job") as unknown as { spec: { template: { metadata: { labels: Record<string, string> } } } };
    assert.equal(job.spec.template.metadata.labels[runLabel], id);
    const into = find(all, "NetworkPolicy", "to-0")["spec"];
    const apps = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "apps" } } };
    const ports = [{ port: 8080, protocol: "TCP" }];
    assert.deepEqual(into, {
      podSelector: { matchLabels: { "app.kubernetes.io/name": "taskdb" } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [{ podSelector: { matchLabels: own }, ...apps }], ports }],
    });
    const out = find(all, "NetworkPolicy", "out")["spec"] as {
      podSelector: object;
      ingress: object[];
      egress: object[];
    };
    assert.deepEqual([out.podSelector, out.ingress, out.egress.length], [{ matchLabels: own }, [], 2]);
    assert.deepEqual(out.egress[1], {
      to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "taskdb" } }, ...apps }],
      ports,
    });
  });

  it("gives each shard users of its own in every scenario, or k6 would leave out its part", () => {
    for (const { preAllocatedVUs, maxVUs } of Object.values(planFor(40).options.scenarios)) {
      assert.ok(preAllocatedVUs >= 40, String(preAllocatedVUs));
      assert.ok(maxVUs >= preAllocatedVUs);
    }
  });

  it("has room for all scenarios in a ConfigMap, and says so where there is none", async () => {
    const run = await sent();
    const { data } = find(manifests(run), "ConfigMap") as unknown as { data: Record<string, string> };
    const bytes = Object.values(data).reduce((sum, text) => sum + text.length, 0);
    assert.ok(bytes < 2 ** 18, `${bytes} bytes`);
    assert.throws(
      () => manifests({ ...run, script: "x".repeat(2 ** 20) }),
      /bytes, and a ConfigMap holds .*--scenario/,
    );
  });

  it("has names that Kubernetes takes", async () => {
    for (const { metadata } of manifests(await sent()))
      assert.match(metadata.name, /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/);
    assert.equal(runName(id), "load-20261127t093342z-abc123");
  });
});
