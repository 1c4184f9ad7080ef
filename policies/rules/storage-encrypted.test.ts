import assert from "node:assert/strict";
import type { Resource } from "../object";
import { resource, run } from "../testing";
import { storageEncrypted as rule } from "./storage-encrypted";

const storageClass = (provisioner: string, parameters = {}, annotations = {}): Resource =>
  resource("kubernetes:storage.k8s.io/v1:StorageClass", {
    metadata: { name: "fast", annotations },
    provisioner,
    parameters,
  });
const claim = (spec: Record<string, unknown>): Resource =>
  resource("kubernetes:core/v1:PersistentVolumeClaim", { metadata: { name: "data", namespace: "shop" }, spec });
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy storage-encrypted", () => {
  it("passes what encrypts by parameter, always, or by a stated means", async () => {
    const resources = [
      storageClass("ebs.csi.aws.com", { encrypted: "true" }),
      storageClass("dobs.csi.digitalocean.com"),
      storageClass("local.csi.example", {}, { "ballast.dev/encryption": "LUKS on every node's disk." }),
      claim({ storageClassName: "fast" }),
      claim({ volumeName: "made-by-hand" }),
      resource("aws:rds/instance:Instance", { storageEncrypted: true }),
    ];
    assert.deepEqual(await run(rule, resources), { violations: [], notes: [] });
  });

  it("reports a class that does not, or of which nothing is known", async () => {
    assert.deepEqual(
      await told(
        storageClass("ebs.csi.aws.com"),
        storageClass("ebs.csi.aws.com", { encrypted: "false" }),
        storageClass("local.csi.example"),
      ),
      [
        "StorageClass fast: parameters.encrypted is missing; set it to 'true', or its volumes are kept in clear",
        "StorageClass fast: parameters.encrypted is 'false'; set it to 'true', or its volumes are kept in clear",
        "StorageClass fast: whether provisioner 'local.csi.example' encrypts is not known; say in the annotation ballast.dev/encryption how its volumes are encrypted",
      ],
    );
  });

  it("reports a claim that leaves the class to the cluster, also as a template, and a cloud's disk", async () => {
    const set = resource("kubernetes:apps/v1:StatefulSet", {
      metadata: { name: "db", namespace: "shop" },
      spec: { volumeClaimTemplates: [{ metadata: { name: "data" }, spec: {} }] },
    });
    const messages = await told(claim({}), set, resource("aws:ebs/volume:Volume", {}));
    assert.match(messages[0] ?? "", /^PersistentVolumeClaim shop\/data: storageClassName is missing/);
    assert.match(messages[1] ?? "", /^StatefulSet shop\/db: volume claim 'data': storageClassName is missing/);
    assert.equal(messages[2], "Volume web: encrypted is missing; set it to true");
  });
});
