import assert from "node:assert/strict";
import type { ResourceState } from "../../local/engine/state/store";
import { type PropertyMap, UNKNOWN } from "../../local/engine/values";
import { demandOf } from "./demand";

function resource(type: string, name: string, inputs: PropertyMap): ResourceState {
  return { urn: `urn:pulumi:prod::demo::${type}::${name}`, type, custom: true, inputs, outputs: {} };
}

function workload(kind: string, name: string, spec: PropertyMap, image = "app"): ResourceState {
  const resources = { requests: { cpu: "250m", memory: "1Gi" }, limits: { cpu: "1", memory: "2Gi" } };
  const template = { spec: { containers: [{ name: "app", image, resources }] } };
  return resource(`kubernetes:apps/v1:${kind}`, name, {
    metadata: { name, namespace: "shop" },
    spec: { template, ...spec },
  });
}

const claims = (size: PropertyMap[string]): PropertyMap => ({
  volumeClaimTemplates: [
    { metadata: { name: "data" }, spec: { storageClassName: "gp3", resources: { requests: { storage: size } } } },
  ],
});

describe("what a stack asks its cluster for", () => {
  it("sums pods, requests, volumes and prices, autoscalers at their most", () => {
    const scaler = resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "web", {
      metadata: { name: "web", namespace: "shop" },
      spec: { minReplicas: 2, maxReplicas: 6, scaleTargetRef: { kind: "Deployment", name: "web" } },
    });
    const found = demandOf("prod", [
      workload("Deployment", "web", { replicas: 2 }),
      scaler,
      workload("StatefulSet", "db", { replicas: 3, ...claims("100Gi") }),
    ]);
    assert.deepEqual(found, {
      replicas: 9,
      cpu: 2250,
      memory: 9 * 2 ** 30,
      storage: 300 * 2 ** 30,
      usdPerMonth: 24,
      uncounted: [],
    });
  });

  it("names what it cannot count", () => {
    const { replicas, storage, uncounted } = demandOf("prod", [
      workload("Deployment", "web", { replicas: UNKNOWN }),
      workload("StatefulSet", "db", { replicas: 1, ...claims(UNKNOWN) }),
      workload("StatefulSet", "odd", {
        replicas: 1,
        volumeClaimTemplates: [
          {
            metadata: { name: "data" },
            spec: { storageClassName: "made-up", resources: { requests: { storage: "1Gi" } } },
          },
        ],
      }),
    ]);
    assert.equal(replicas, 2);
    assert.equal(storage, 2 ** 30);
    assert.deepEqual(uncounted, [
      "Deployment shop/web: its pods are not known yet",
      "StatefulSet shop/db: its volumes are not known yet",
      "StatefulSet shop/db: what it costs is not known yet",
      "StatefulSet shop/odd: the price of storage class 'made-up' is not known",
    ]);
  });
});
