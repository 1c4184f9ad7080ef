import assert from "node:assert/strict";
import type { Resource } from "../object";
import { resource, run } from "../testing";
import { protectedState as rule } from "./protected-state";

const set = (
  protect: boolean,
  policy: unknown = undefined,
  templates: unknown[] = [{ metadata: { name: "data" } }],
): Resource =>
  resource(
    "kubernetes:apps/v1:StatefulSet",
    {
      metadata: { name: "db", namespace: "shop" },
      spec: { volumeClaimTemplates: templates, persistentVolumeClaimRetentionPolicy: policy },
    },
    "prod",
    { protect },
  );
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy protected-state", () => {
  it("passes what is protected and kept, and a set without volumes", async () => {
    const kept = { whenDeleted: "Retain", whenScaled: "Retain" };
    assert.deepEqual(await told(set(true, kept), set(true), set(false, undefined, [])), []);
  });

  it("reports what is not protected, of Kubernetes and of clouds", async () => {
    const bucket = resource("aws:s3/bucketV2:BucketV2", {}, "prod");
    assert.deepEqual(await told(set(false), bucket), [
      "StatefulSet shop/db: it holds data and Pulumi does not protect it; add the option protect: true",
      "BucketV2 web: it holds data and Pulumi does not protect it; add the option protect: true",
    ]);
  });

  it("reports a retention that deletes", async () => {
    assert.deepEqual(await told(set(true, { whenDeleted: "Delete", whenScaled: "Retain" })), [
      "StatefulSet shop/db: spec.persistentVolumeClaimRetentionPolicy.whenDeleted is Delete, which deletes data; set it to Retain",
    ]);
    const volume = resource(
      "kubernetes:core/v1:PersistentVolume",
      { metadata: { name: "disk" }, spec: { persistentVolumeReclaimPolicy: "Delete" } },
      "prod",
      { protect: true },
    );
    assert.match(
      (await told(volume))[0] ?? "",
      /^PersistentVolume disk: spec\.persistentVolumeReclaimPolicy is Delete/,
    );
  });
});
