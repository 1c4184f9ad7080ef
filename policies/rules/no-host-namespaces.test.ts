import assert from "node:assert/strict";
import { deployment, podSpec, run, UNKNOWN } from "../testing";
import { noHostNamespaces as rule } from "./no-host-namespaces";

describe("policy no-host-namespaces", () => {
  it("passes without them, or with false", async () => {
    const resources = [
      deployment(podSpec()),
      deployment(podSpec({ hostNetwork: false, hostPID: false, hostIPC: null })),
    ];
    assert.deepEqual(await run(rule, resources), { violations: [], notes: [] });
  });

  it("reports each, once a workload", async () => {
    const spec = podSpec({ hostNetwork: true, hostPID: true, hostIPC: true });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web: hostNetwork is true: a pod that has it reaches every port and packet of its node; remove it",
      "Deployment shop/web: hostPID is true: a pod that has it sees and can signal every process of its node; remove it",
      "Deployment shop/web: hostIPC is true: a pod that has it shares the memory segments and queues of its node; remove it",
    ]);
  });

  it("notes an unknown field, and an unknown pod spec", async () => {
    for (const spec of [podSpec({ hostPID: UNKNOWN }), UNKNOWN]) {
      const { violations, notes } = await run(rule, [deployment(spec)]);
      assert.deepEqual(violations, []);
      assert.equal(notes.length, 1);
    }
  });

  it("can be exempted from as a whole, not for a container", async () => {
    const exemption = { rule: rule.name, kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" };
    const spec = podSpec({ hostNetwork: true });
    assert.equal((await run(rule, [deployment(spec)], { exemptions: [exemption] })).violations.length, 0);
    assert.equal(
      (await run(rule, [deployment(spec)], { exemptions: [{ ...exemption, container: "app" }] })).violations.length,
      1,
    );
  });
});
