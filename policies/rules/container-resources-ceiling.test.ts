import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { containerResourcesCeiling as rule } from "./container-resources-ceiling";

const sized = (name: string, cpu: unknown, memory: unknown): Record<string, unknown> =>
  container({ name, resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { cpu, memory } } });

describe("policy container-resources-ceiling", () => {
  it("is described", () => {
    assert.equal(rule.severity, "medium");
    assert.deepEqual(rule.config?.["environment"]?.enum, ["local", "dev", "staging", "prod"]);
    assert.match(rule.remediation, /limits\.json/);
  });

  it("passes at the ceiling, however it is written", async () => {
    const spec = podSpec({
      containers: [sized("a", "2", "2Gi"), sized("b", "2000m", "2048Mi"), sized("c", 2, 2147483648)],
    });
    assert.deepEqual(await run(rule, [deployment(spec)]), { violations: [], notes: [] });
  });

  it("names container, value, ceiling, environment and file", async () => {
    const spec = podSpec({ containers: [container(), sized("exporter", "500m", "3Gi")] });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'exporter': memory limit 3Gi is above the ceiling 2Gi of environment 'local' " +
        "(policies/limits.json); lower it or raise the ceiling",
    ]);
  });

  it("checks requests and init containers", async () => {
    const greedy = container({ name: "migrate", resources: { requests: { cpu: "64" }, limits: { cpu: "64" } } });
    const { violations } = await run(rule, [deployment(podSpec({ initContainers: [greedy] }))]);
    assert.deepEqual(
      violations.map((each) => each.slice(0, 64)),
      [
        "Deployment shop/web, container 'migrate': cpu request 64 is abov",
        "Deployment shop/web, container 'migrate': cpu limit 64 is above ",
      ],
    );
  });

  it("takes the environment from the configuration, else from the stack's name", async () => {
    const spec = podSpec({ containers: [sized("app", "500m", "3Gi")] });
    assert.equal((await run(rule, [deployment(spec, {}, "prod")])).violations.length, 0);
    assert.equal(
      (await run(rule, [deployment(spec, {}, "prod")], { config: { environment: "local" } })).violations.length,
      1,
    );
    assert.equal(
      (await run(rule, [deployment(spec, {}, "review-7")], { config: { environment: "dev" } })).violations.length,
      0,
    );
  });

  it("says how to name the environment of a stack that is called otherwise", async () => {
    const { violations } = await run(rule, [deployment(podSpec(), {}, "review-7")]);
    assert.deepEqual(violations, [
      "Deployment shop/web, container 'app': 'review-7' is no environment of policies/limits.json (local, dev, staging, prod), so its " +
        "ceilings are not known; set 'environment' in the configuration of policy 'container-resources-ceiling'",
    ]);
  });

  it("notes an unknown limit, and still reports the known ones", async () => {
    const spec = podSpec({ containers: [sized("app", UNKNOWN, "3Gi")] });
    const { violations, notes } = await run(rule, [deployment(spec)]);
    assert.equal(violations.length, 1);
    assert.deepEqual(notes, [
      "string value at .spec.template.spec.containers.0.resources.limits.cpu can't be known during preview",
    ]);
  });

  it("leaves what is no quantity to the rule on presence", async () => {
    assert.deepEqual(
      (await run(rule, [deployment(podSpec({ containers: [sized("app", "lots", null)] }))])).violations,
      [],
    );
  });

  it("can be exempted from, container by container, until a date", async () => {
    const spec = podSpec({ containers: [sized("app", "3", "1Gi"), sized("exporter", "3", "1Gi")] });
    const exemption = {
      rule: rule.name,
      kind: "Deployment",
      namespace: "shop",
      name: "web",
      container: "app",
      reason: "…",
      expires: "2026-06-30",
    };
    const settings = { exemptions: [exemption], today: "2026-06-30" };
    const { violations } = await run(rule, [deployment(spec)], settings);
    assert.equal(violations.length, 1);
    assert.match(violations[0] ?? "", /container 'exporter'/);
    assert.equal((await run(rule, [deployment(spec)], { ...settings, today: "2026-07-01" })).violations.length, 2);
  });
});
