import assert from "node:assert/strict";
import type { Exemption } from "../exemption";
import type { Resource } from "../object";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { disruptionBudget } from "./disruption-budget";
import { exemptionsCurrent } from "./exemptions-current";
import { imagePinned } from "./image-pinned";

const NEEDED: Exemption = {
  rule: "image-pinned",
  kind: "Deployment",
  namespace: "shop",
  name: "web",
  container: "app",
  reason: "…",
  expires: "2026-06-30",
};
const OFFENDER = deployment(podSpec({ containers: [container({ image: "app" })] }));

async function violations(
  exemption: Exemption,
  resources: readonly Resource[] = [OFFENDER],
  day = "2026-01-01",
): Promise<string[]> {
  const rule = exemptionsCurrent({ rules: [imagePinned, disruptionBudget], exemptions: [exemption], today: () => day });
  return (await run(rule, resources)).violations;
}

describe("policy exemptions-current", () => {
  it("passes one that is needed, on its last day too", async () => {
    assert.deepEqual(await violations(NEEDED), []);
    assert.deepEqual(await violations(NEEDED, [OFFENDER], "2026-06-30"), []);
  });

  it("reports one that has expired", async () => {
    assert.deepEqual(await violations(NEEDED, [OFFENDER], "2026-07-01"), [
      "policies/exemptions.json: entry 0: the exemption of Deployment shop/web, container 'app' from 'image-pinned' expired on 2026-06-30, and today is 2026-07-01; fix the cause and remove the entry, or renew it with a reason",
    ]);
  });

  it("reports one that ends too far away", async () => {
    const [message = ""] = await violations({ ...NEEDED, expires: "2028-01-01" });
    assert.match(message, /ends on 2028-01-01, more than 366 days away; choose an earlier date/);
  });

  it("reports one that matches nothing, and one of a rule that is kept without it", async () => {
    const unmatched =
      "policies/exemptions.json: entry 0: the exemption of Deployment shop/web, container 'init' from 'image-pinned' covers nothing in this stack; remove the entry, or correct its kind, namespace, name, container or release";
    assert.deepEqual(await violations({ ...NEEDED, container: "init" }), [unmatched]);
    assert.equal((await violations(NEEDED, [deployment(podSpec())])).length, 1);
    assert.equal((await violations({ ...NEEDED, kind: "StatefulSet" })).length, 1);
    assert.equal((await violations({ ...NEEDED, namespace: "other" })).length, 1);
    assert.equal((await violations({ ...NEEDED, name: "api" })).length, 1);
  });

  it("lets a preview pass in which the cause is still unknown", async () => {
    assert.deepEqual(
      await violations(NEEDED, [deployment(podSpec({ containers: [container({ image: UNKNOWN })] }))]),
      [],
    );
  });

  it("knows exemptions from rules of the stack", async () => {
    const exemption: Exemption = {
      rule: "disruption-budget",
      kind: "Deployment",
      name: "web",
      reason: "…",
      expires: "2026-06-30",
    };
    assert.deepEqual(await violations(exemption, [deployment(podSpec(), { replicas: 3 })]), []);
    assert.equal((await violations(exemption, [deployment(podSpec())])).length, 1);
  });

  it("takes what a release makes as needed while there is that release in the namespace", async () => {
    const made: Exemption = { ...NEEDED, name: "web-from-chart", release: "web" };
    const release = (namespace: string, name = "web"): Resource => ({
      urn: "urn:pulumi:local::ballast::kubernetes:helm.sh/v3:Release::web",
      type: "kubernetes:helm.sh/v3:Release",
      name: "web",
      props: { name, namespace, chart: "web" },
    });
    assert.deepEqual(await violations(made, [release("shop")]), []);
    for (const other of [[], [release("other")], [release("shop", "api")], [OFFENDER]]) {
      assert.equal((await violations(made, other)).length, 1);
    }
    assert.equal((await violations(made, [release("shop")], "2026-07-01")).length, 1);
  });

  it("leaves out those of other projects and stacks", async () => {
    assert.deepEqual(await violations({ ...NEEDED, name: "api", project: "other" }), []);
    assert.deepEqual(await violations({ ...NEEDED, name: "api", stacks: ["prod"] }), []);
    assert.equal((await violations({ ...NEEDED, name: "api", project: "ballast", stacks: ["local"] })).length, 1);
  });
});
