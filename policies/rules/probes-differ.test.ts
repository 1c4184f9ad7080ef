import assert from "node:assert/strict";
import { container, deployment, podSpec, run } from "../testing";
import { probesDiffer as rule } from "./probes-differ";

const of = (readinessProbe: unknown, livenessProbe: unknown, changes = {}): Record<string, unknown> =>
  podSpec({ containers: [container({ readinessProbe, livenessProbe })], ...changes });

describe("policy probes-differ", () => {
  const different: readonly [string, object, object][] = [
    ["another path", { httpGet: { path: "/ready", port: 80 } }, { httpGet: { path: "/live", port: 80 } }],
    ["another port", { httpGet: { path: "/", port: 80 } }, { httpGet: { path: "/", port: 81 } }],
    ["another kind of check", { httpGet: { path: "/", port: 80 } }, { tcpSocket: { port: 80 } }],
    ["another command", { exec: { command: ["a"] } }, { exec: { command: ["a", "-b"] } }],
  ];
  for (const [what, readiness, liveness] of different) {
    it(`passes ${what}`, async () => {
      assert.deepEqual(await run(rule, [deployment(of(readiness, liveness))]), { violations: [], notes: [] });
    });
  }

  it("reports one check in two notations, however patient", async () => {
    const readiness = { httpGet: { port: 80 } };
    const liveness = { httpGet: { path: "/", port: 80, scheme: "HTTP" }, failureThreshold: 9 };
    assert.deepEqual((await run(rule, [deployment(of(readiness, liveness))])).violations, [
      "Deployment shop/web, container 'app': livenessProbe and readinessProbe both ask / on port 80, so whatever makes it unready restarts it; let liveness ask less",
    ]);
    assert.equal(
      (await run(rule, [deployment(of({ exec: { command: ["a"] } }, { exec: { command: ["a"] } }))])).violations.length,
      1,
    );
  });

  it("leaves missing probes to the rule on them, and what runs until it is done", async () => {
    const probe = { tcpSocket: { port: 80 } };
    assert.deepEqual((await run(rule, [deployment(of(undefined, probe))])).violations, []);
    assert.deepEqual((await run(rule, [deployment(of(probe, probe, { restartPolicy: "Never" }))])).violations, []);
  });
});
