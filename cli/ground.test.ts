import { strict as assert } from "node:assert";
import type { Snapshot } from "../local/engine/state";
import { forgetOlderCluster } from "./ground";

describe("state of a cluster on this machine", () => {
  const namespace = (creationTimestamp: string) => ({
    type: "kubernetes:core/v1:Namespace",
    id: "data",
    outputs: { metadata: { creationTimestamp } },
  });
  const after = async (resources: readonly object[] | undefined, since: string) => {
    const done: string[] = [];
    const backend = {
      exists: async () => resources !== undefined,
      read: async () => ({ resources }) as unknown as Snapshot,
      removeStack: async (stack: string, { force }: { force?: boolean } = {}) =>
        void done.push(`forgot ${stack}${force === true ? "" : " only if empty"}`),
    };
    await forgetOlderCluster(backend, "local", since, { note: (text) => void done.push(text) });
    return done;
  };

  it("is forgotten when the cluster was made after what it tells of, and the user is told", async () => {
    const done = await after([{ type: "other" }, namespace("2026-01-01T10:00:00Z")], "2026-01-02T09:00:00Z");
    assert.deepEqual(done, [
      "The cluster is newer than the state of local: the 2 resources in it went with the one before.",
      "forgot local",
    ]);
  });

  it("stays while the cluster is the one that it tells of", async () => {
    assert.deepEqual(await after([namespace("2026-01-02T10:00:00Z")], "2026-01-02T09:00:00Z"), []);
    assert.deepEqual(await after([namespace("2026-01-02T09:00:00Z")], "2026-01-02T09:00:00Z"), []);
  });

  it("stays when it tells of nothing in the cluster, or is not there", async () => {
    assert.deepEqual(
      await after([{ type: "kubernetes:core/v1:Namespace" }, { type: "other" }], "2026-01-02T09:00:00Z"),
      [],
    );
    assert.deepEqual(await after(undefined, "2026-01-02T09:00:00Z"), []);
  });
});
