import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";

import type { ProviderError } from "../../provider";
import { Secret, UNKNOWN, type PropertyMap } from "../../values";
import { get, pathTo, type Target } from "./apply";
import { Cluster } from "./cluster";
import { settingsOf } from "./config";
import { at, mapAt, type JsonMap } from "./object";
import { bench, recordingContext, Resource, testKubeconfig } from "./testing/harness";

const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";
const configMaps = { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };

describe("kubernetes provider: objects (real API server)", function () {
  this.timeout(120_000);
  let place: Awaited<ReturnType<typeof bench>>;
  let kubeconfig: string;
  let direct: Cluster;
  const target = (name: string): Target => ({ served: configMaps, namespace: place.namespace, name });
  /** Another client's write, as kubectl would do it. */
  const otherApply = async (name: string, manager: string, data: JsonMap): Promise<void> => {
    await direct.parts().client.request({
      method: "PATCH",
      path: pathTo(target(name)),
      query: { fieldManager: manager, force: "true" },
      contentType: "application/apply-patch+yaml",
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data },
    });
  };

  before(async function () {
    this.timeout(600_000);
    kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    direct = new Cluster(settingsOf({ kubeconfig }), recordingContext(), true);
  });
  after(async () => {
    (direct as typeof direct | undefined)?.close();
    await (place as typeof place | undefined)?.end();
  });

  it("creates, reads, updates and deletes; a second delete is a success", async () => {
    const map = place.resource(CONFIG_MAP, "life");
    const { id, outputs } = await map.create({ metadata: { name: "life" }, data: { a: "1", b: "2" } });
    assert.equal(id, `${place.namespace}/life`);
    assert.match(String(outputs["__fieldManager"]), /^pulumi-kubernetes-[0-9a-f]{8}$/);
    assert.equal(at(outputs as JsonMap, "metadata", "managedFields"), undefined);
    const updated = await map.update({ metadata: { name: "life" }, data: { a: "1", c: "3" } });
    assert.deepEqual(updated["data"], { a: "1", c: "3" }, "what the program no longer names goes");
    assert.deepEqual((await map.read())?.inputs, map.held?.inputs);
    await map.delete();
    assert.equal(await map.read(), undefined);
    await map.delete();
  });

  it("keeps an automatic name over updates and replaces beside the old object", async () => {
    const map = place.resource(CONFIG_MAP, "auto");
    const { id } = await map.create({ data: { a: "1" } });
    assert.match(id, /\/auto-[0-9a-f]{8}$/);
    const same = await map.check({ data: { a: "1" } });
    assert.deepEqual(same, map.held?.inputs);
    const diff = await map.diff({ data: { a: "2" } });
    assert.deepEqual([diff.replaceKeys, diff.deleteBeforeReplace], [["data.a"], false]);
    await map.delete();
  });

  it("refuses a name that someone else's object has, in a preview too, and changes nothing of it", async () => {
    await otherApply("taken", "someone", { theirs: "1" });
    const map = place.resource(CONFIG_MAP, "taken");
    const inputs = { metadata: { name: "taken" }, data: { ours: "1" } };
    const expected = /ConfigMap .*\/taken exists already .*field managers: someone.*import.*patchForce/s;
    await assert.rejects(map.create(inputs), expected);
    await assert.rejects(map.preview(inputs), expected);
    assert.deepEqual(mapAt(await get(direct.parts().client, target("taken")), "data"), { theirs: "1" });
    await map.create({ ...inputs, metadata: { name: "taken", annotations: { "pulumi.com/patchForce": "true" } } });
    assert.deepEqual(map.held?.outputs["data"], { ours: "1", theirs: "1" });
    await map.delete();
  });

  it("adopts the object that an earlier, killed run of the same resource made", async () => {
    const inputs = { metadata: { name: "again" }, data: { a: "1" } };
    const first = await place.resource(CONFIG_MAP, "again").create(inputs);
    const second = place.resource(CONFIG_MAP, "again");
    const held = await second.create({ ...inputs, data: { a: "2" } });
    assert.equal(at(held.outputs as JsonMap, "metadata", "uid"), at(first.outputs as JsonMap, "metadata", "uid"));
    assert.deepEqual(held.outputs["data"], { a: "2" });
    await second.delete();
  });

  it("names field and manager of an apply conflict, and takes over with patchForce", async () => {
    const map = place.resource(CONFIG_MAP, "contested");
    await map.create({ metadata: { name: "contested" }, data: { a: "1" } });
    await otherApply("contested", "rival", { a: "theirs" });
    const metadata = { name: "contested" };
    await assert.rejects(
      map.update({ metadata, data: { a: "2" } }),
      /\.data\.a: held by rival.*ignoreChanges.*patchForce/s,
    );
    await assert.rejects(map.update({ metadata, data: { a: "2" } }, { preview: true }), /\.data\.a: held by rival/);
    const kept = await map.update({ metadata, data: { a: "1", b: "1" } }, { ignoreChanges: ["data.a"] });
    assert.deepEqual(kept["data"], { a: "theirs", b: "1" });
    const annotations = { "pulumi.com/patchForce": "true" };
    assert.deepEqual((await map.update({ metadata: { ...metadata, annotations }, data: { a: "2" } }))["data"], {
      a: "2",
    });
    await map.delete();
  });

  it("shows drift of our fields, not other people's, and other spellings are no drift", async () => {
    const map = place.resource(CONFIG_MAP, "drift");
    await map.create({ metadata: { name: "drift", labels: { app: "x" } }, data: { a: "1", b: "1" } });
    await otherApply("drift", "rival", { a: "changed", theirs: "1" });
    const live = await map.read();
    assert.deepEqual(live?.inputs["data"], { a: "changed", b: "1" });
    await map.delete();

    const quota = place.resource("kubernetes:core/v1:ResourceQuota", "amounts");
    await quota.create({
      metadata: { name: "amounts" },
      spec: { hard: { "requests.cpu": "2000m", "limits.memory": "1024Mi", pods: 10 } },
    });
    assert.deepEqual((await quota.read())?.inputs, quota.held?.inputs);
    await quota.delete();
  });

  it("keeps the content of Secrets secret, removes keys that came by stringData, and sees drift in them", async () => {
    const secret = place.resource("kubernetes:core/v1:Secret", "hidden");
    const metadata = { name: "hidden" };
    const { outputs } = await secret.create({ metadata, stringData: { user: "u", password: "p" } });
    assert.deepEqual(outputs["data"], { user: new Secret("dQ=="), password: new Secret("cA==") });
    assert.deepEqual((await secret.read())?.inputs, secret.held?.inputs);
    assert.deepEqual((await secret.preview({ metadata: { name: "other" }, stringData: { a: "b" } }))["data"], {
      a: new Secret("Yg=="),
    });
    assert.deepEqual((await secret.update({ metadata, stringData: { user: "v" } }))["data"], {
      user: new Secret("dg=="),
    });
    await secret.delete();
  });

  it("previews a create by a dry run, and leaves unknown what only the server can choose", async () => {
    const service = place.resource("kubernetes:core/v1:Service", "front");
    const inputs: PropertyMap = {
      metadata: { name: "front" },
      spec: { type: "NodePort", selector: { app: "x" }, ports: [{ port: 80 }] },
    };
    const outputs = await service.preview(inputs);
    const spec = outputs["spec"] as PropertyMap;
    assert.equal(spec["clusterIP"], UNKNOWN);
    assert.deepEqual(spec["ports"], [{ port: 80, protocol: "TCP", targetPort: 80, nodePort: UNKNOWN }]);
    assert.equal(outputs["status"], UNKNOWN);
    const inNewSpace = await service.preview({
      ...inputs,
      metadata: { name: "front", namespace: "made-in-the-same-run" },
    });
    assert.equal((inNewSpace["spec"] as PropertyMap)["clusterIP"], UNKNOWN);
    await assert.rejects(
      service.preview({ ...inputs, spec: { ports: [{ port: 99999 }] } }),
      /spec\.ports\[0\]\.port.*99999/s,
    );
  });

  it("tells fixed fields by the list and, for kinds it knows nothing of, by the server's refusal", async () => {
    const set = place.resource("kubernetes:apps/v1:StatefulSet", "fixed");
    const labels = { app: "fixed" };
    const template = {
      metadata: { labels },
      spec: { containers: [{ name: "a", image: "registry.k8s.io/pause:3.10" }] },
    };
    const spec = { replicas: 0, serviceName: "fixed", selector: { matchLabels: labels }, template };
    const metadata = { name: "fixed", annotations: { "pulumi.com/skipAwait": "true" } };
    await set.create({ metadata, spec });
    const renamed = await set.diff({ metadata, spec: { ...spec, serviceName: "other" } });
    assert.deepEqual([renamed.replaceKeys, renamed.deleteBeforeReplace], [["spec.serviceName"], true]);
    assert.equal(renamed.detailed["spec.serviceName"], "update-replace");
    assert.deepEqual((await set.diff({ metadata, spec: { ...spec, replicas: 1 } })).replaceKeys, []);
    await set.delete();

    const priority = place.resource("kubernetes:scheduling.k8s.io/v1:PriorityClass", "fixed");
    const name = `fixed-${randomBytes(4).toString("hex")}`;
    await priority.create({ metadata: { name }, value: 10 });
    assert.deepEqual((await priority.diff({ metadata: { name }, value: 11 })).replaceKeys, ["value"]);
    await priority.delete();
    const slice = place.resource("kubernetes:discovery.k8s.io/v1:EndpointSlice", "slice");
    await slice.create({ metadata: { name: "slice" }, addressType: "IPv4", endpoints: [], ports: [] });
    assert.deepEqual(
      (await slice.diff({ metadata: { name: "slice" }, addressType: "IPv6", endpoints: [], ports: [] })).replaceKeys,
      ["addressType"],
    );
    await slice.delete();
  });

  it("serves a custom resource whose definition is made in the same run", async () => {
    const group = `g${randomBytes(4).toString("hex")}.example.com`;
    const definition = place.resource("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "crontabs");
    const field = {
      type: "string",
      "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "Value is immutable" }],
    };
    const schema = {
      type: "object",
      properties: { spec: { type: "object", properties: { schedule: { type: "string" }, zone: field } } },
    };
    const custom = place.resource(`kubernetes:${group}/v1:CronTab`, "tab");
    const inputs = {
      apiVersion: `${group}/v1`,
      kind: "CronTab",
      metadata: { name: "tab" },
      spec: { schedule: "daily", zone: "a" },
    };
    const early = await custom.preview(inputs);
    assert.deepEqual(early["spec"], inputs.spec);
    assert.match(place.context.warnings.join("\n"), /no kind CronTab/);
    const waiting = custom.create(inputs);
    await definition.create({
      metadata: { name: `crontabs.${group}` },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "crontabs", singular: "crontab", kind: "CronTab" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema } }],
      },
    });
    const { id, outputs } = await waiting;
    assert.equal(id, `${place.namespace}/tab`);
    assert.deepEqual(outputs["spec"], inputs.spec);
    await assert.rejects(place.resource(custom.type, "other").create(inputs), /exists already/);
    const fixed = await custom.diff({ ...inputs, spec: { schedule: "daily", zone: "b" } });
    assert.deepEqual(fixed.replaceKeys, ["spec.zone"], "learnt from the server's refusal of a dry run");
    assert.deepEqual((await custom.diff({ ...inputs, spec: { schedule: "weekly", zone: "a" } })).replaceKeys, []);
    await custom.delete();
    await definition.delete();
    await custom.delete();
    assert.equal(await custom.read(), undefined, "the definition is gone, so is the resource");
  });

  it("patches an object of someone else, and gives up only its own fields when deleted", async () => {
    await otherApply("patched", "owner", { theirs: "1" });
    const patch = new Resource(place.provider, "kubernetes:core/v1:ConfigMapPatch", "patched");
    await patch.create({ kind: "ConfigMap", apiVersion: "v1", metadata: { name: "patched" }, data: { ours: "1" } });
    assert.deepEqual(patch.held?.outputs["data"], { ours: "1", theirs: "1" });
    await patch.delete();
    assert.deepEqual(mapAt(await get(direct.parts().client, target("patched")), "data"), { theirs: "1" });
  });

  it("shows what holds a deletion, and goes on with it in the next run", async () => {
    const map = place.resource(CONFIG_MAP, "held");
    await map.create({ metadata: { name: "held", finalizers: ["example.com/held"] } });
    await assert.rejects(map.delete(1), /was not gone within 1 seconds?: .*finalizers example\.com\/held/);
    assert.match(place.context.statuses.join("\n"), /held by the finalizers example\.com\/held/);
    const gone = map.delete(60);
    await direct.parts().client.request({
      method: "PATCH",
      path: pathTo(target("held")),
      contentType: "application/merge-patch+json",
      body: { metadata: { finalizers: null } },
    });
    await gone;
  });

  it("reports an exceeded quota and a missing namespace with the server's words", async () => {
    const quota = place.resource("kubernetes:core/v1:ResourceQuota", "few");
    await quota.create({ metadata: { name: "few" }, spec: { hard: { "count/secrets": "0" } } });
    const secret = place.resource("kubernetes:core/v1:Secret", "many");
    const refused = async (): Promise<ProviderError | undefined> => {
      try {
        await secret.create({ metadata: { name: "many" } });
        await secret.delete();
        return undefined;
      } catch (error) {
        return error as ProviderError;
      }
    };
    // The quota holds from the moment the controller has counted.
    let error = await refused();
    for (let tries = 0; error === undefined && tries < 100; tries++) error = await refused();
    assert.match(error?.message ?? "", /creating Secret .*exceeded quota: few/);
    await quota.delete();
    const lost = place.resource(CONFIG_MAP, "lost");
    await assert.rejects(
      lost.create({ metadata: { name: "lost", namespace: "nowhere" } }),
      /namespaces "nowhere" not found/,
    );
  });
});
