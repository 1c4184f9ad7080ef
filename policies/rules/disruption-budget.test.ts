import assert from "node:assert/strict";
import type { Resource } from "../object";
import { deployment, podSpec, resource, run, UNKNOWN } from "../testing";
import { disruptionBudget as rule } from "./disruption-budget";

const replicated = (replicas: unknown = 3): Resource => deployment(podSpec(), { replicas });

function budget(selector: unknown, namespace: unknown = "shop", name = "web"): Resource {
  return resource("kubernetes:policy/v1:PodDisruptionBudget", {
    metadata: { name, namespace },
    spec: { maxUnavailable: 1, selector },
  });
}

function autoscaler(minReplicas: unknown): Resource {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "web" };
  const props = { metadata: { name: "web", namespace: "shop" }, spec: { scaleTargetRef, minReplicas, maxReplicas: 9 } };
  return resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", props);
}

const MISSING =
  "Deployment shop/web: it has 3 replicas, and no PodDisruptionBudget of the stack selects its pods (labels: app=web); add one, such as " +
  "maxUnavailable: 1";

describe("policy disruption-budget", () => {
  it("passes with one that selects the pods", async () => {
    const selectors = [
      { matchLabels: { app: "web" } },
      { matchExpressions: [{ key: "app", operator: "In", values: ["web", "api"] }] },
      {
        matchExpressions: [
          { key: "app", operator: "Exists" },
          { key: "tier", operator: "DoesNotExist" },
        ],
      },
      {},
    ];
    for (const selector of selectors) {
      assert.deepEqual(await run(rule, [replicated(), budget(selector)]), { violations: [], notes: [] });
    }
  });

  it("asks nothing of a single replica", async () => {
    assert.deepEqual(await run(rule, [replicated(1), replicated(null)]), { violations: [], notes: [] });
  });

  it("reports one that selects other pods, or stands in another namespace", async () => {
    const others = [
      [budget({ matchLabels: { app: "web", tier: "front" } })],
      [budget({ matchLabels: { app: "web" } }, "other")],
      [budget({ matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] })],
      [budget(undefined)],
      [],
    ];
    for (const each of others) assert.deepEqual((await run(rule, [replicated(), ...each])).violations, [MISSING]);
  });

  it("counts what an autoscaler keeps", async () => {
    assert.equal((await run(rule, [replicated(null), autoscaler(2)])).violations.length, 1);
    assert.equal((await run(rule, [replicated(null), autoscaler(1)])).violations.length, 0);
  });

  it("reports two that select the same pods", async () => {
    const resources = [replicated(), budget({ matchLabels: { app: "web" } }), budget({}, "shop", "all")];
    assert.deepEqual((await run(rule, resources)).violations, [
      "Deployment shop/web: PodDisruptionBudgets 'web' and 'all' both select its pods, and the API then refuses every eviction; keep one",
    ]);
  });

  it("notes unknown replicas, selectors and namespaces", async () => {
    for (const resources of [
      [replicated(UNKNOWN)],
      [replicated(), budget(UNKNOWN)],
      [replicated(), budget({ matchLabels: { app: UNKNOWN } })],
      [replicated(), budget({ matchLabels: { app: "web" } }, UNKNOWN)],
    ]) {
      const { violations, notes } = await run(rule, resources);
      assert.deepEqual(violations, []);
      assert.equal(notes.length, 1);
    }
  });

  it("can be exempted from", async () => {
    const exemptions = [
      { rule: rule.name, kind: "Deployment", namespace: "shop", name: "web", reason: "…", expires: "2026-06-30" },
    ];
    assert.deepEqual((await run(rule, [replicated()], { exemptions })).violations, []);
  });
});
