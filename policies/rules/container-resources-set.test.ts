import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { containerResourcesSet as rule } from "./container-resources-set";

const holding = (resources: unknown, name = "app"): Record<string, unknown> => container({ name, resources });

describe("policy container-resources-set", () => {
  it("passes with all four", async () => {
    assert.deepEqual(await run(rule, [deployment(podSpec())]), { violations: [], notes: [] });
  });

  it("names each that is missing, with its container", async () => {
    const resources = { requests: { cpu: "1" }, limits: { memory: "1Gi" } };
    assert.deepEqual(
      (await run(rule, [deployment(podSpec({ containers: [container(), holding(resources, "exporter")] }))]))
        .violations,
      [
        "Deployment shop/web, container 'exporter': resources.requests.memory is missing; set it",
        "Deployment shop/web, container 'exporter': resources.limits.cpu is missing; set it",
      ],
    );
  });

  it("checks init containers and sidecars, not ephemeral ones, which can have none", async () => {
    const spec = podSpec({
      initContainers: [holding(undefined, "migrate"), { ...holding({}, "proxy"), restartPolicy: "Always" }],
      ephemeralContainers: [holding(undefined, "debug")],
    });
    const { violations } = await run(rule, [deployment(spec)]);
    assert.deepEqual(
      violations.map((each) => /container '(\w+)'/.exec(each)?.[1]),
      ["migrate", "migrate", "migrate", "migrate", "proxy", "proxy", "proxy", "proxy"],
    );
  });

  it("refuses what is no quantity, nothing, and memory in milli-bytes", async () => {
    const resources = { requests: { cpu: "0", memory: "512m" }, limits: { cpu: "one", memory: "-1Gi" } };
    assert.deepEqual((await run(rule, [deployment(podSpec({ containers: [holding(resources)] }))])).violations, [
      "Deployment shop/web, container 'app': resources.requests.cpu is '0', not a positive quantity; write one such as '250m' or '512Mi'",
      "Deployment shop/web, container 'app': resources.requests.memory is '512m', which is less than 1Mi; give its unit, such as '512Mi'",
      "Deployment shop/web, container 'app': resources.limits.cpu is 'one', not a positive quantity; write one such as '250m' or '512Mi'",
      "Deployment shop/web, container 'app': resources.limits.memory is '-1Gi', not a positive quantity; write one such as '250m' or '512Mi'",
    ]);
  });

  it("notes unknown resources", async () => {
    for (const resources of [UNKNOWN, { requests: UNKNOWN, limits: { cpu: "1", memory: "1Gi" } }]) {
      const { violations, notes } = await run(rule, [deployment(podSpec({ containers: [holding(resources)] }))]);
      assert.deepEqual(violations, []);
      assert.equal(notes.length, 1);
    }
  });

  it("can be exempted from", async () => {
    const exemptions = [{ rule: rule.name, kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" }];
    const spec = podSpec({ containers: [holding(undefined)] });
    assert.deepEqual((await run(rule, [deployment(spec)], { exemptions })).violations, []);
  });
});
