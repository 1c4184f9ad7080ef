import assert from "node:assert/strict";
import type { Resource } from "../object";
import { container, deployment, podSpec, resource, run, UNKNOWN } from "../testing";
import { quotaFits as rule } from "./quota-fits";

const sized = (name: string, cpu: string, more = {}) =>
  container({ name, resources: { requests: { cpu, memory: "1Gi" }, limits: { cpu, memory: "1Gi" } }, ...more });
const web = (replicas: unknown, spec = podSpec({ containers: [sized("app", "1")] })): Resource =>
  deployment(spec, { replicas });
const quota = (hard: unknown, more = {}): Resource =>
  resource("kubernetes:core/v1:ResourceQuota", {
    metadata: { name: "quota", namespace: "shop" },
    spec: { hard, ...more },
  });
const scaler = (maxReplicas: number): Resource =>
  resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", {
    metadata: { name: "web", namespace: "shop" },
    spec: { scaleTargetRef: { kind: "Deployment", name: "web" }, maxReplicas },
  });
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy quota-fits", () => {
  it("passes what fits exactly, by either notation, and a namespace without a quota", async () => {
    assert.deepEqual(await told(web(3), quota({ "limits.cpu": 3, memory: "3072Mi", pods: "3" })), []);
    assert.deepEqual(await told(web(300)), []);
  });

  it("says what is needed, and who needs the most of it", async () => {
    assert.deepEqual(await told(web(3), quota({ "limits.cpu": "2500m", pods: 2 })), [
      "ResourceQuota shop/quota: hard 'limits.cpu' is 2500m, and the stack's objects in namespace 'shop' need 3 at their most, Deployment shop/web the most of it; raise it or lower what they ask for",
      "ResourceQuota shop/quota: hard 'pods' is 2, and the stack's objects in namespace 'shop' need 3 at their most, Deployment shop/web the most of it; raise it or lower what they ask for",
    ]);
  });

  it("counts an autoscaler at its most", async () => {
    assert.deepEqual(await told(web(1), scaler(3), quota({ cpu: "3" })), []);
    assert.equal((await told(web(1), scaler(4), quota({ cpu: "3" }))).length, 1);
  });

  it("counts as Kubernetes does: sidecars beside the containers, an init container only where it needs more", async () => {
    const spec = (init: string) =>
      podSpec({
        initContainers: [sized("proxy", "1", { restartPolicy: "Always" }), sized("migrate", init)],
        containers: [sized("app", "2")],
      });
    assert.deepEqual(await told(web(1, spec("2")), quota({ cpu: "3" })), []);
    assert.equal((await told(web(1, spec("3")), quota({ cpu: "3" }))).length, 1);
  });

  it("counts volumes of every replica", async () => {
    const template = { metadata: { name: "data" }, spec: { resources: { requests: { storage: "10Gi" } } } };
    const set = resource("kubernetes:apps/v1:StatefulSet", {
      metadata: { name: "db", namespace: "shop" },
      spec: { replicas: 3, volumeClaimTemplates: [template], template: { spec: podSpec() } },
    });
    assert.deepEqual(await told(set, quota({ "requests.storage": "30Gi", persistentvolumeclaims: 3 })), []);
    const [message = ""] = await told(set, quota({ "requests.storage": "29Gi" }));
    assert.match(message, /is 29Gi, .* need 30Gi at their most, StatefulSet shop\/db the most of it/);
  });

  it("leaves quotas with a scope, and notes what is not known", async () => {
    assert.deepEqual(await told(web(3), quota({ pods: 1 }, { scopes: ["BestEffort"] })), []);
    const { violations, notes } = await run(rule, [web(UNKNOWN), quota({ pods: 1 })]);
    assert.deepEqual([violations.length, notes.length], [0, 1]);
  });
});
