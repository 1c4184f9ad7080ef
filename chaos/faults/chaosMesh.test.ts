import assert from "node:assert/strict";
import { faultSchema, type FaultOf } from "../experiment/schema";
import { dnsFailure } from "./dns";
import type { UndoRecord } from "./fault";
import { FakeApi } from "./testing/api";

const kinds = "GET /apis/chaos-mesh.org/v1alpha1";
const objects = "/apis/chaos-mesh.org/v1alpha1/namespaces/apps/dnschaos";
const pod = {
  metadata: { name: "web-1", namespace: "apps", uid: "uid-1" },
  spec: { nodeName: "far-away" },
  status: { phase: "Running" },
};
const fault = faultSchema.parse({
  kind: "dns-failure",
  target: { namespace: "apps", labels: { app: "web" } },
}) as FaultOf<"dns-failure">;

describe("names that do not resolve, on nodes elsewhere", () => {
  let api: FakeApi;
  afterEach(() => api.close());

  it("need Chaos Mesh, and say so where it is not", async () => {
    api = await FakeApi.start(() => undefined);
    const why = String(await dnsFailure.possible(api.ground()));
    assert.match(why, /not on this machine, and Chaos Mesh is not installed in it \(no dnschaos.chaos-mesh.org/);
  });

  it("need the right kind of it", async () => {
    api = await FakeApi.start(({ line }) => (line === kinds ? { resources: [{ name: "podchaos" }] } : undefined));
    assert.match(String(await dnsFailure.possible(api.ground())), /no dnschaos/);
  });

  it("are made by a resource that ends by itself, seen in its status, and undone by taking it away", async () => {
    let made: Record<string, any> | undefined; // eslint-disable-line @typescript-eslint/no-explicit-any
    let looks = 0;
    api = await FakeApi.start(({ line, body }) => {
      if (line === kinds) return { resources: [{ name: "dnschaos" }] };
      if (line === "GET /api/v1/namespaces/apps/pods") return { items: [pod] };
      if (line === `POST ${objects}`) return (made = body as typeof made);
      if (made === undefined || !line.startsWith(`GET ${objects}/`) === !line.startsWith(`DELETE ${objects}/`))
        return undefined;
      if (line.startsWith("DELETE")) {
        // Its finalizer holds it for two more looks.
        looks = 2;
        return made;
      }
      if (looks > 0 && --looks === 0) made = undefined;
      return { ...made, status: { conditions: [{ type: "AllInjected", status: "True" }] } };
    });
    const ground = api.ground();
    assert.equal(await dnsFailure.possible(ground), true);
    const victims = await dnsFailure.choose(fault, ground, () => 0);
    const record = await dnsFailure.undoRecord(fault, victims, ground);
    const proof = await dnsFailure.inject(fault, victims, ground, record);
    assert.match(await proof(), /^dnschaos apps\/ballast-chaos-[0-9a-f]{8}: AllInjected=True$/);
    assert.deepEqual(made?.["spec"], {
      action: "error",
      mode: "all",
      selector: { pods: { apps: ["web-1"] } },
      duration: "1000s",
    });
    const kept = JSON.parse(JSON.stringify(record)) as UndoRecord;
    assert.match(await dnsFailure.undo(kept, ground), /is gone$/);
    assert.equal(made, undefined);
    assert.match(await dnsFailure.undo(kept, ground), /is gone$/);
  });
});
