import assert from "node:assert/strict";
import { clusterTargets, localTargets, namedTargets, namespacesOf, serviceOf } from "./targets";

describe("the targets of a load test", () => {
  it("are what the stack's outputs say, and nothing where they say nothing", () => {
    const found = localTargets({ taskdb: { nodePort: 30080 }, gateway: { domain: "x.test", ports: { https: 30443 } } });
    assert.deepEqual(
      [found["taskdb"]?.url, found["taskdb"]?.ready, found["edge"]?.url, found["edge"]?.address],
      ["http://127.0.0.1:30080", "/readyz", "https://load.x.test:30443", "127.0.0.1"],
    );
    assert.match(found["taskdb"]?.schema ?? "", /^\d{4}-/);
    assert.deepEqual(localTargets({ taskdb: {} }), {});
  });

  it("are Services for one who sends from inside of the cluster", () => {
    const outputs = { taskdb: { namespace: "apps", host: "taskdb.apps.svc", port: 8080, nodePort: 30080 } };
    const found = clusterTargets(outputs);
    assert.equal(found["taskdb"]?.url, "http://taskdb.apps.svc:8080");
    assert.match(found["taskdb"].schema ?? "", /^\d{4}-/);
    assert.deepEqual(namespacesOf(outputs, found), ["apps"]);
    assert.deepEqual(clusterTargets({ taskdb: {} }), {});
  });

  it("say by their address which Service they are, and what cannot be one is refused", () => {
    assert.deepEqual(serviceOf("http://web.shop.svc"), { name: "web", namespace: "shop", port: 80 });
    assert.equal(serviceOf("http://web.shop.svc.cluster.local:8080").port, 8080);
    for (const wrong of ["http://127.0.0.1:30080", "https://tasks.example.com", "http://web.shop"])
      assert.throws(() => serviceOf(wrong), /is no Service: .*http:\/\/<service>\.<namespace>\.svc/, wrong);
  });

  it("can be named, and what cannot be one is refused with what can", () => {
    assert.deepEqual(namedTargets(["taskdb=http://127.0.0.1:1/"])["taskdb"]?.url, "http://127.0.0.1:1");
    for (const wrong of ["taskdb", "tasks=http://a", "taskdb=ftp://a", "taskdb=http://a/b"])
      assert.throws(() => namedTargets([wrong]), /must be a service \(taskdb, edge\) and its address/, wrong);
  });
});
