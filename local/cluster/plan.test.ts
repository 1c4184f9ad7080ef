import assert from "node:assert/strict";
import fc from "fast-check";
import { checkName, clusterName, findNode, makePlan, mostNodes, slots } from "./plan";
import { overlap, range } from "./slot";

const plan = (slot: number, nodes = 3, name = "ballast-dev") => makePlan(name, slot, "generation", nodes);

describe("the plan of a cluster", () => {
  it("names a checkout's cluster after its path, always the same", () => {
    assert.equal(clusterName("/work/main"), clusterName("/work/main"));
    assert.notEqual(clusterName("/work/main"), clusterName("/work/other"));
    assert.match(clusterName("/work/main"), /^ballast-[0-9a-f]{6}$/);
  });

  it("gives two slots no network and no port in common", () => {
    fc.assert(
      fc.property(fc.nat(slots - 1), fc.nat(slots - 1), (one, other) => {
        fc.pre(one !== other);
        const [a, b] = [plan(one), plan(other)];
        assert.ok(!overlap(a.network, b.network));
        assert.ok(a.nodePorts.last < b.nodePorts.first || b.nodePorts.last < a.nodePorts.first);
      }),
    );
  });

  it("keeps every network of a cluster apart and inside its own", () => {
    fc.assert(
      fc.property(fc.nat(slots - 1), fc.integer({ min: 1, max: mostNodes }), (slot, nodes) => {
        const each = plan(slot, nodes);
        const [first, last] = range(each.network);
        const parts = [each.nodeCidr, each.serviceCidr, ...each.nodes.map((node) => node.podCidr)];
        parts.forEach((part, index) => {
          const [from, to] = range(part);
          assert.ok(first <= from && to <= last, `${part} is in ${each.network}`);
          for (const other of parts.slice(index + 1)) assert.ok(!overlap(part, other), `${part} and ${other}`);
        });
        for (const node of each.nodes) {
          assert.ok(overlap(node.address, each.nodeCidr));
          assert.ok(overlap(node.podCidr, each.podCidr));
          assert.ok(overlap(node.podGateway, node.podCidr));
        }
        assert.ok(overlap(each.dnsAddress, each.serviceCidr));
      }),
    );
  });

  it("keeps ports below those that the kernel gives to clients", () => {
    assert.ok(plan(slots - 1).nodePorts.last < 32768);
  });

  it("makes interface names of at most 15 characters, also for the longest cluster name and most nodes", () => {
    const each = plan(0, mostNodes, `ballast-${"x".repeat(31)}`);
    for (const name of [each.bridge, ...each.nodes.map((node) => node.link)]) assert.ok(name.length <= 15, name);
    assert.equal(new Set(each.nodes.map((node) => node.link)).size, mostNodes);
  });

  it("spreads nodes over three zones", () => {
    assert.deepEqual(
      plan(0, 4).nodes.map((node) => node.zone),
      ["zone-a", "zone-b", "zone-c", "zone-a"],
    );
  });

  it("refuses names that are no folder, cgroup and context, and says what is right", () => {
    for (const name of ["", "-a", "a-", "A", "a/b", "../x", "x".repeat(41)])
      assert.throws(() => checkName(name), /use 1 to 40 lower-case letters/);
    checkName("a");
    checkName("ballast-12ab34-test");
  });

  it("refuses a number of nodes that it cannot address", () => {
    for (const nodes of [0, -1, 1.5, mostNodes + 1]) assert.throws(() => plan(0, nodes), /1 to 32 worker nodes/);
  });

  it("names the nodes that there are when one is not", () => {
    assert.equal(findNode(plan(0), "worker-2").name, "worker-2");
    assert.throws(
      () => findNode(plan(0), "worker-9"),
      /no node "worker-9"; its nodes are worker-1, worker-2, worker-3/,
    );
  });
});

describe("networks", () => {
  it("overlap when one holds an address of the other", () => {
    assert.ok(overlap("10.64.0.0/16", "10.64.3.0/24"));
    assert.ok(overlap("10.0.0.0/8", "10.64.0.0/16"));
    assert.ok(overlap("10.64.0.7", "10.64.0.0/24"));
    assert.ok(!overlap("10.65.0.0/16", "10.64.0.0/16"));
    assert.ok(!overlap("192.0.2.0/24", "10.64.0.0/16"));
  });
});
