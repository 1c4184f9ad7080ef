import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { noPrivilegeEscalation as rule } from "./no-privilege-escalation";

const app = (securityContext: unknown, name = "app"): Record<string, unknown> => container({ name, securityContext });
const SAFE = { allowPrivilegeEscalation: false };

describe("policy no-privilege-escalation", () => {
  it("passes when it is forbidden, with harmless capabilities", async () => {
    const spec = podSpec({
      containers: [app({ ...SAFE, privileged: false, capabilities: { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } })],
    });
    assert.deepEqual(await run(rule, [deployment(spec)]), { violations: [], notes: [] });
  });

  it("reports it missing or true, with the container, init containers too", async () => {
    const spec = podSpec({
      initContainers: [app(undefined, "migrate")],
      containers: [app({ allowPrivilegeEscalation: true }, "exporter")],
    });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'migrate': securityContext.allowPrivilegeEscalation is missing; set it to false",
      "Deployment shop/web, container 'exporter': securityContext.allowPrivilegeEscalation is true; set it to false",
    ]);
  });

  it("reports privileged containers and the capabilities that amount to it", async () => {
    const spec = podSpec({
      containers: [app({ ...SAFE, privileged: true, capabilities: { add: ["SYS_ADMIN", "CHOWN"] } })],
    });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'app': securityContext.privileged is true; remove it",
      "Deployment shop/web, container 'app': securityContext.capabilities.add holds SYS_ADMIN; add only the capability that is needed",
    ]);
  });

  it("notes unknown settings", async () => {
    for (const context of [
      UNKNOWN,
      { allowPrivilegeEscalation: UNKNOWN },
      { ...SAFE, privileged: UNKNOWN },
      { ...SAFE, capabilities: { add: [UNKNOWN] } },
    ]) {
      const { violations, notes } = await run(rule, [deployment(podSpec({ containers: [app(context)] }))]);
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

  it("remediates what was left out, and nothing that was chosen", () => {
    const cases: readonly [Record<string, unknown>, boolean, unknown][] = [
      [{}, true, SAFE],
      [{ securityContext: null }, true, SAFE],
      [{ securityContext: { runAsNonRoot: true } }, true, { runAsNonRoot: true, ...SAFE }],
      [{ securityContext: { allowPrivilegeEscalation: true } }, false, { allowPrivilegeEscalation: true }],
      [{ securityContext: SAFE }, false, SAFE],
      [{ securityContext: { privileged: true } }, false, { privileged: true }],
    ];
    for (const [spec, changed, expected] of cases) {
      const copy = structuredClone(spec);
      assert.equal(rule.remediate?.(copy), changed);
      assert.deepEqual(copy["securityContext"], expected);
    }
  });
});
