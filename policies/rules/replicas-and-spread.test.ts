import assert from "node:assert/strict";
import type { Resource } from "../object";
import { podSpec, resource, run } from "../testing";
import { replicasAndSpread as rule } from "./replicas-and-spread";

const term = { topologyKey: "kubernetes.io/hostname", labelSelector: {} };
const spread = { topologySpreadConstraints: [{ ...term, maxSkew: 1, whenUnsatisfiable: "ScheduleAnyway" }] };

const of = (replicas: unknown, pod: Record<string, unknown> = spread, annotations = {}): Resource =>
  resource("kubernetes:apps/v1:StatefulSet", {
    metadata: { name: "web", namespace: "shop", annotations },
    spec: { replicas, template: { spec: podSpec(pod) } },
  });
const scaler = (minReplicas: number, kind = "StatefulSet"): Resource =>
  resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", {
    metadata: { name: "web", namespace: "shop" },
    spec: { scaleTargetRef: { kind, name: "web" }, minReplicas, maxReplicas: 9 },
  });
const told = async (...resources: Resource[]): Promise<string[]> => (await run(rule, resources)).violations;

describe("policy replicas-and-spread", () => {
  it("passes replicas that are kept apart in any of the ways", async () => {
    const required = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
    const preferred = {
      affinity: {
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
      },
    };
    for (const pod of [spread, required, preferred]) assert.deepEqual(await told(of(2, pod)), []);
  });

  it("counts what an autoscaler keeps, and leaves alone what is scaled to nothing", async () => {
    assert.deepEqual(await told(of(undefined), scaler(2)), []);
    assert.equal((await told(of(3), scaler(1))).length, 1);
    assert.equal((await told(of(1), scaler(2, "Deployment"))).length, 1);
    assert.deepEqual(await told(of(0)), []);
  });

  it("reports too few, unless there is a reason", async () => {
    assert.deepEqual(await told(of(1)), [
      "StatefulSet shop/web: it has 1 replica, fewer than the 2 of policies/limits.json; add some, or say in the annotation ballast.dev/singleton why there can be only one",
    ]);
    assert.deepEqual(await told(of(1, spread, { "ballast.dev/singleton": "Two would write the same file." })), []);
  });

  it("reports replicas that may all be on one node", async () => {
    const rack = { topologySpreadConstraints: [{ topologyKey: "example.com/rack" }] };
    for (const pod of [{}, rack]) {
      const [message = ""] = await told(of(3, pod));
      assert.match(message, /nothing keeps its 3 replicas from one node; add topologySpreadConstraints/);
    }
  });
});
