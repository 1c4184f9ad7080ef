import assert from "node:assert/strict";
import { projectedCost } from "../cost";
import { objects, type Resource } from "../object";
import { resource, run, UNKNOWN } from "../testing";
import { costCeiling as rule } from "./cost-ceiling";

const nodes = (type: string, count: unknown): Resource =>
  resource(
    "aws:eks/nodeGroup:NodeGroup",
    { instanceTypes: [type], scalingConfig: { desiredSize: count, maxSize: 9 } },
    "prod",
    { name: "general" },
  );
const claim = (storageClassName: string, storage: unknown = "100Gi"): Resource =>
  resource(
    "kubernetes:core/v1:PersistentVolumeClaim",
    { metadata: { name: "data", namespace: "shop" }, spec: { storageClassName, resources: { requests: { storage } } } },
    "prod",
  );
const storageClass = (name: string, provisioner: string): Resource =>
  resource("kubernetes:storage.k8s.io/v1:StorageClass", { metadata: { name }, provisioner }, "prod");
const cost = (...resources: Resource[]) => projectedCost(resources.flatMap((each) => objects(each, rule.kinds)));

describe("policy cost-ceiling", () => {
  it("adds up nodes as they begin, volumes, load balancers, control planes", () => {
    const balancer = resource("kubernetes:core/v1:Service", {
      metadata: { name: "edge" },
      spec: { type: "LoadBalancer" },
    });
    const cluster = resource("aws:eks/cluster:Cluster", {});
    const { items, total, unpriced } = cost(nodes("m6i.large", 3), claim("gp3"), balancer, cluster);
    assert.deepEqual(
      items.map(({ what, usd }) => [what, Math.round(usd * 100) / 100]),
      [
        ["3 × m6i.large", 210.24],
        ["1 × 100 GiB of gp3", 8],
        ["load balancer", 18],
        ["Cluster", 73],
      ],
    );
    assert.equal(Math.round(total * 100) / 100, 309.24);
    assert.deepEqual(unpriced, []);
  });

  it("prices a class that the stack declares by its provisioner", () => {
    assert.equal(cost(claim("fast"), storageClass("fast", "dobs.csi.digitalocean.com")).total, 10);
  });

  it("passes at the ceiling, and names the dearest above it", async () => {
    assert.deepEqual((await run(rule, [nodes("r6i.xlarge", 5)])).violations, []);
    const { violations } = await run(rule, [nodes("r6i.xlarge", 5), claim("gp3", "2Ti")]);
    assert.deepEqual(violations, [
      "the stack costs 1084 USD a month by list prices, above the ceiling 1000 USD of environment 'prod' (policies/limits.json); " +
        "the dearest: NodeGroup general (5 × r6i.xlarge) 920 USD, PersistentVolumeClaim shop/data (1 × 2048 GiB of gp3) 164 USD",
    ]);
  });

  it("asks for prices that it does not have", async () => {
    const { violations } = await run(rule, [nodes("z9.mega", 1), claim("mystery")]);
    assert.deepEqual(violations, [
      "NodeGroup general: the price of node type 'z9.mega' is not known; add it to policies/prices.json",
      "PersistentVolumeClaim shop/data: the price of storage class 'mystery' is not known; add it to policies/prices.json",
    ]);
  });

  it("notes unknown counts and sizes", async () => {
    for (const unknown of [nodes("m6i.large", UNKNOWN), claim("gp3", UNKNOWN)]) {
      const { violations, notes } = await run(rule, [unknown]);
      assert.deepEqual([violations.length, notes.length], [0, 1]);
    }
  });
});
