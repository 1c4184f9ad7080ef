import assert from "node:assert/strict";
import { resource, run } from "../testing";
import { autoscalerBounds as rule } from "./autoscaler-bounds";

const behavior = { scaleDown: { stabilizationWindowSeconds: 300 } };
const told = async (spec: Record<string, unknown>): Promise<string[]> => {
  const metadata = { name: "web", namespace: "shop" };
  const scaler = resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", { metadata, spec });
  return (await run(rule, [scaler])).violations;
};

describe("policy autoscaler-bounds", () => {
  it("passes with room and a window; a missing least is 1", async () => {
    assert.deepEqual(await told({ minReplicas: 2, maxReplicas: 3, behavior }), []);
    assert.deepEqual(await told({ maxReplicas: 2, behavior }), []);
  });

  it("reports bounds that leave no room", async () => {
    for (const bounds of [{ minReplicas: 3, maxReplicas: 3 }, { minReplicas: 4, maxReplicas: 3 }, { maxReplicas: 1 }]) {
      const [message = ""] = await told({ ...bounds, behavior });
      assert.match(message, /spec\.minReplicas is \d and spec\.maxReplicas \d, so it can scale nothing/);
    }
    assert.match((await told({ behavior }))[0] ?? "", /spec\.maxReplicas is missing/);
  });

  it("reports a missing window, and one that is too short", async () => {
    const bounds = { minReplicas: 1, maxReplicas: 3 };
    assert.match((await told(bounds))[0] ?? "", /stabilizationWindowSeconds is missing; set it to 60 or more/);
    const short = { scaleDown: { stabilizationWindowSeconds: 0 } };
    assert.match((await told({ ...bounds, behavior: short }))[0] ?? "", /is 0, so a short lull ends pods/);
  });

  it("sets a missing window, beside what is said of scaling up", () => {
    const scaler = { spec: { behavior: { scaleUp: { stabilizationWindowSeconds: 0 } } } };
    assert.equal(rule.remediate?.(scaler), true);
    assert.deepEqual(scaler.spec.behavior, { scaleUp: { stabilizationWindowSeconds: 0 }, ...behavior });
    assert.equal(rule.remediate?.(scaler), false);
    assert.equal(rule.remediate?.({ spec: null }), false);
  });
});
