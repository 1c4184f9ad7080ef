import assert from "node:assert/strict";
import { canonicalRow } from "./tables";

const artifact = {
  id: "a1b2c3d4-0000-4000-8000-000000000000",
  task_id: "b1b2c3d4-0000-4000-8000-000000000000",
  run_id: null,
  path: "out/é.bin",
  sha256: "0".repeat(64),
  size_bytes: 12,
  created_at: "2026-01-15T09:30:00.000000Z",
};

describe("canonical text of a row", () => {
  it("is RFC 8785: names in order, nothing between the parts", () => {
    assert.equal(
      canonicalRow("artifact", artifact),
      `{"created_at":"2026-01-15T09:30:00.000000Z","id":"${artifact.id}","path":"out/é.bin","run_id":null,` +
        `"sha256":"${artifact.sha256}","size_bytes":12,"task_id":"${artifact.task_id}"}`,
    );
  });

  it("is the same however a backend keeps numbers and documents", () => {
    assert.equal(canonicalRow("artifact", { ...artifact, size_bytes: "12" }), canonicalRow("artifact", artifact));
    const run = {
      id: artifact.id,
      task_id: artifact.task_id,
      status: "running",
      tool_calls: [{ b: 1, a: [2.5, "x"] }],
      metrics: {},
      created_at: artifact.created_at,
      updated_at: artifact.created_at,
      completed_at: null,
    };
    const asText = { ...run, tool_calls: '[ {"a": [2.50, "x"], "b": 1.0} ]', metrics: "{}" };
    assert.equal(canonicalRow("run", asText), canonicalRow("run", run));
  });

  it("takes no columns of ours beyond the domain's, and misses none in silence", () => {
    assert.equal(canonicalRow("artifact", { ...artifact, extra: 1 }), canonicalRow("artifact", artifact));
    const { path: _, ...without } = artifact;
    assert.throws(() => canonicalRow("artifact", without), /a row of artifacts comes without its column path/);
  });
});
