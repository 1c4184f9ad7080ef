import assert from "node:assert/strict";
import { localTargets, namedTargets } from "./targets";

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

  it("can be named, and what cannot be one is refused with what can", () => {
    assert.deepEqual(namedTargets(["taskdb=http://127.0.0.1:1/"])["taskdb"]?.url, "http://127.0.0.1:1");
    for (const wrong of ["taskdb", "tasks=http://a", "taskdb=ftp://a", "taskdb=http://a/b"])
      assert.throws(() => namedTargets([wrong]), /must be a service \(taskdb, edge\) and its address/, wrong);
  });
});
