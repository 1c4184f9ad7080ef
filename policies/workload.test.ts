import assert from "node:assert/strict";
import type { Resource } from "./object";
import { Unknown } from "./value";
import { container, deployment, podSpec, resource, UNKNOWN } from "./testing";
import { type Workload, workloads } from "./workload";

const template = {
  metadata: { labels: { app: "web" } },
  spec: podSpec({ initContainers: [container({ name: "init" })] }),
};
const metadata = { name: "web", namespace: "shop" };

function only(from: Resource): Workload {
  const [workload, ...others] = workloads(from);
  assert.ok(workload !== undefined && others.length === 0);
  return workload;
}

describe("selector of workloads", () => {
  const kinds: readonly [string, object][] = [
    ["core/v1:Pod", { metadata: { ...metadata, ...template.metadata }, spec: template.spec }],
    ["core/v1:PodTemplate", { metadata, template }],
    ["core/v1:ReplicationController", { metadata, spec: { template } }],
    ["apps/v1:Deployment", { metadata, spec: { template } }],
    ["apps/v1beta1:Deployment", { metadata, spec: { template } }],
    ["apps/v1:StatefulSet", { metadata, spec: { template } }],
    ["apps/v1:DaemonSet", { metadata, spec: { template } }],
    ["apps/v1:ReplicaSet", { metadata, spec: { template } }],
    ["batch/v1:Job", { metadata, spec: { template } }],
    ["batch/v1:CronJob", { metadata, spec: { jobTemplate: { spec: { template } } } }],
  ];
  for (const [type, props] of kinds) {
    it(`finds the pods of ${type}`, () => {
      const workload = only(resource(`kubernetes:${type}`, props as Record<string, unknown>));
      assert.equal(workload.title, `${type.split(":")[1]} shop/web`);
      assert.deepEqual(
        workload.containers.map(({ name, role }) => [name, role]),
        [
          ["init", "init"],
          ["app", "main"],
        ],
      );
      assert.deepEqual(workload.podLabels, { app: "web" });
    });
  }

  it("finds each item of a list", () => {
    const items = [
      { metadata, spec: { template } },
      { metadata: { ...metadata, name: "api" }, spec: { template } },
    ];
    assert.deepEqual(
      workloads(resource("kubernetes:apps/v1:DeploymentList", { items })).map(({ title }) => title),
      ["Deployment shop/web", "Deployment shop/api"],
    );
  });

  it("finds none in other resources, custom resources and patches", () => {
    const props = { metadata, spec: { template } };
    for (const type of [
      "kubernetes:core/v1:ConfigMap",
      "kubernetes:example.com/v1:Deployment",
      "kubernetes:apps/v1:DeploymentPatch",
      "aws:batch/v1:Job",
      "pulumi:pulumi:Stack",
    ]) {
      assert.deepEqual(workloads(resource(type, props)), [], type);
    }
  });

  it("knows each container's part", () => {
    const spec = podSpec({
      initContainers: [container({ name: "init" }), container({ name: "proxy", restartPolicy: "Always" })],
      containers: [container({ name: undefined })],
      ephemeralContainers: [container({ name: "debug" })],
    });
    assert.deepEqual(
      only(deployment(spec)).containers.map(({ name, role }) => `${role} ${name}`),
      ["init init", "sidecar proxy", "main #0", "ephemeral debug"],
    );
  });

  it("falls back on the logical name and the provider's namespace, then on 'default'", () => {
    const anonymous = resource("kubernetes:apps/v1:Deployment", { spec: { template } });
    assert.equal(only(anonymous).title, "Deployment default/web");
    assert.equal(only({ ...anonymous, provider: { props: { namespace: "data" } } }).title, "Deployment data/web");
    const unnamed = resource("kubernetes:apps/v1:Deployment", {
      metadata: { name: UNKNOWN, namespace: UNKNOWN },
      spec: { template },
    });
    assert.equal(only(unnamed).title, "Deployment [unknown]/web");
  });

  it("tells what hides containers from a preview, once", () => {
    const hiding: readonly [unknown, number][] = [
      [UNKNOWN, 1],
      [podSpec({ containers: UNKNOWN }), 1],
      [podSpec({ containers: [UNKNOWN, container()], initContainers: UNKNOWN }), 2],
      [podSpec(), 0],
    ];
    for (const [spec, count] of hiding) {
      const { hidden } = only(deployment(spec));
      assert.equal(hidden.length, count);
      assert.ok(hidden.every((each) => each instanceof Unknown));
    }
  });

  it("stands a spec of the wrong shape", () => {
    for (const props of [
      {},
      { spec: null },
      { spec: { template: "x" } },
      { spec: { template: { spec: { containers: "x" } } } },
    ]) {
      assert.deepEqual(only(resource("kubernetes:apps/v1:Deployment", props)).containers, []);
    }
  });
});
