import assert from "node:assert/strict";
import type { Resource } from "../object";
import { container, deployment, podSpec, resource, run, UNKNOWN } from "../testing";
import { capacityFits as rule } from "./capacity-fits";

const web = (replicas: unknown, cpu: string, memory = "1Gi", more = {}): Resource => {
  const containers = [container({ resources: { requests: { cpu, memory } } })];
  return deployment(podSpec({ containers, ...more }), { replicas });
};
const pool = (size: string, nodeCount: unknown, more = {}): Resource =>
  resource("digitalocean:index/kubernetesNodePool:KubernetesNodePool", { size, nodeCount, ...more }, "local", {
    name: "pool",
  });
const APART = {
  affinity: {
    podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname" }] },
  },
};
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy capacity-fits", () => {
  it("takes the environment's nodes, where the stack makes none", async () => {
    assert.deepEqual(await told(web(3, "1800m")), []);
    assert.deepEqual(await told(web(4, "1800m")), [
      "the stack's pods request cpu 7200m at their most, and its 3 nodes have 5400m free; lower requests or replicas, or add nodes",
    ]);
  });

  it("takes the stack's own nodes, at their most", async () => {
    assert.deepEqual(await told(web(2, "3500m"), pool("s-4vcpu-8gb", 1, { maxNodes: 2 })), []);
    assert.equal((await told(web(2, "3500m"), pool("s-4vcpu-8gb", 1))).length, 1);
  });

  it("reports a pod that fits no node", async () => {
    assert.deepEqual(await told(web(1, "1", "20Gi"), pool("s-2vcpu-4gb", 9)), [
      "Deployment shop/web: one of its pods requests cpu 1 and memory 20Gi, more than a node has free (cpu 1800m and memory 3Gi); request less or choose larger nodes",
    ]);
  });

  it("reports more replicas than nodes, where no two may share one", async () => {
    assert.deepEqual(await told(web(4, "100m", "64Mi", APART)), [
      "Deployment shop/web: its 4 replicas must not share a node, and there are 3 nodes; lower replicas to 3 or add nodes",
    ]);
    assert.deepEqual(await told(web(3, "100m", "64Mi", APART)), []);
  });

  it("counts a DaemonSet once a node", async () => {
    const agent = (cpu: string): Resource =>
      resource("kubernetes:apps/v1:DaemonSet", {
        metadata: { name: "agent", namespace: "shop" },
        spec: { template: { spec: podSpec({ containers: [container({ resources: { requests: { cpu } } })] }) } },
      });
    assert.deepEqual(await told(agent("500m"), web(3, "1300m")), []);
    assert.equal((await told(agent("600m"), web(3, "1300m"))).length, 1);
  });

  it("notes unknown nodes", async () => {
    assert.equal((await run(rule, [web(1, "1"), pool("s-2vcpu-4gb", UNKNOWN)])).notes.length, 1);
  });
});
