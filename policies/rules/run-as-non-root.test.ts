import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { runAsNonRoot as rule } from "./run-as-non-root";

const app = (securityContext: unknown, name = "app"): Record<string, unknown> => container({ name, securityContext });

describe("policy run-as-non-root", () => {
  it("passes when the container or the pod says so", async () => {
    const byPod = podSpec({ securityContext: { runAsNonRoot: true, runAsUser: 1000 }, containers: [app(undefined)] });
    const own = podSpec({
      securityContext: { runAsUser: 0 },
      containers: [app({ runAsNonRoot: true, runAsUser: 70 })],
    });
    assert.deepEqual(await run(rule, [deployment(byPod), deployment(own)]), { violations: [], notes: [] });
  });

  it("lets the container's setting win, and names the container", async () => {
    const spec = podSpec({
      securityContext: { runAsNonRoot: true },
      containers: [container(), app({ runAsNonRoot: false }, "exporter")],
    });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'exporter': securityContext.runAsNonRoot is false; set it to true",
    ]);
  });

  it("reports it missing, and user 0 of the pod, for init containers too", async () => {
    const spec = podSpec({
      securityContext: { runAsUser: 0 },
      containers: [],
      initContainers: [app(undefined, "migrate")],
    });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'migrate': securityContext.runAsNonRoot is set neither on the container nor on the pod; set it to true",
      "Deployment shop/web, container 'migrate': securityContext.runAsUser is 0, which is root; name another user or none",
    ]);
  });

  it("notes unknown settings of the container and of the pod", async () => {
    for (const spec of [
      podSpec({ containers: [app({ runAsNonRoot: UNKNOWN })] }),
      podSpec({ containers: [app({ runAsNonRoot: true, runAsUser: UNKNOWN })] }),
      podSpec({ securityContext: UNKNOWN, containers: [app(undefined)] }),
    ]) {
      const { violations, notes } = await run(rule, [deployment(spec)]);
      assert.deepEqual(violations, []);
      assert.equal(notes.length, 1);
    }
  });

  it("can be exempted from", async () => {
    const exemptions = [{ rule: rule.name, kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" }];
    assert.deepEqual(
      (await run(rule, [deployment(podSpec({ containers: [app({})] }))], { exemptions })).violations,
      [],
    );
  });
});
