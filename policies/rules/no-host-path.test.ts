import assert from "node:assert/strict";
import { deployment, podSpec, run } from "../testing";
import { noHostPath as rule } from "./no-host-path";

describe("policy no-host-path", () => {
  it("passes volumes of other kinds", async () => {
    const volumes = [
      { name: "tmp", emptyDir: {} },
      { name: "config", configMap: { name: "web" } },
    ];
    assert.deepEqual(await run(rule, [deployment(podSpec({ volumes }))]), { violations: [], notes: [] });
  });

  it("names volume and path", async () => {
    const volumes = [{ name: "socket", hostPath: { path: "/run/containerd/containerd.sock" } }];
    assert.deepEqual((await run(rule, [deployment(podSpec({ volumes }))])).violations, [
      "Deployment shop/web: volume 'socket' is /run/containerd/containerd.sock of its node; use a volume claim, an emptyDir, a ConfigMap or a Secret",
    ]);
  });

  it("can be exempted from, as an agent of the node must be", async () => {
    const volumes = [{ name: "logs", hostPath: { path: "/var/log" } }];
    const exemptions = [{ rule: rule.name, kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" }];
    assert.deepEqual((await run(rule, [deployment(podSpec({ volumes }))], { exemptions })).violations, []);
  });
});
