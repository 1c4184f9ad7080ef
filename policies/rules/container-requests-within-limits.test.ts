import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { containerRequestsWithinLimits as rule } from "./container-requests-within-limits";

const sized = (requests: unknown, limits: unknown, name = "app"): Record<string, unknown> =>
  container({ name, resources: { requests, limits } });

describe("policy container-requests-within-limits", () => {
  it("passes when equal in another notation, and when one of them is missing", async () => {
    const containers = [sized({ cpu: "1000m", memory: "1Gi" }, { cpu: 1, memory: "1024Mi" }), sized({ cpu: "1" }, {})];
    assert.deepEqual(await run(rule, [deployment(podSpec({ containers }))]), { violations: [], notes: [] });
  });

  it("names container, request and limit", async () => {
    const initContainers = [sized({ cpu: "2", memory: "1G" }, { cpu: "1500m", memory: "1Gi" }, "migrate")];
    assert.deepEqual((await run(rule, [deployment(podSpec({ initContainers }))])).violations, [
      "Deployment shop/web, container 'migrate': cpu request 2 is above its limit 1500m; lower the request or raise the limit",
    ]);
  });

  it("notes an unknown limit", async () => {
    const { violations, notes } = await run(rule, [
      deployment(podSpec({ containers: [sized({ cpu: "2" }, { cpu: UNKNOWN })] })),
    ]);
    assert.deepEqual(violations, []);
    assert.match(notes[0] ?? "", /limits\.cpu can't be known/);
  });

  it("can be exempted from", async () => {
    const exemptions = [
      { rule: rule.name, kind: "Deployment", name: "web", container: "app", reason: "…", expires: "2026-06-30" },
    ];
    const spec = podSpec({ containers: [sized({ cpu: "2" }, { cpu: "1" })] });
    assert.deepEqual((await run(rule, [deployment(spec)], { exemptions })).violations, []);
  });
});
