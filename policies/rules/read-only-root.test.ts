import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { readOnlyRoot as rule } from "./read-only-root";

const app = (securityContext: unknown, name = "app"): Record<string, unknown> => container({ name, securityContext });

describe("policy read-only-root", () => {
  it("passes with a read-only root", async () => {
    assert.deepEqual(await run(rule, [deployment(podSpec())]), { violations: [], notes: [] });
  });

  it("reports it missing or false, with the container, init containers too", async () => {
    const spec = podSpec({
      initContainers: [app({}, "migrate")],
      containers: [app({ readOnlyRootFilesystem: false }, "exporter")],
    });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'migrate': securityContext.readOnlyRootFilesystem is missing; set it to true and mount an emptyDir where it writes",
      "Deployment shop/web, container 'exporter': securityContext.readOnlyRootFilesystem is false; set it to true and mount an emptyDir where it writes",
    ]);
  });

  it("notes an unknown setting", async () => {
    const { violations, notes } = await run(rule, [
      deployment(podSpec({ containers: [app({ readOnlyRootFilesystem: UNKNOWN })] })),
    ]);
    assert.deepEqual(violations, []);
    assert.match(notes[0] ?? "", /readOnlyRootFilesystem can't be known/);
  });

  it("can be exempted from, one container alone", async () => {
    const exemptions = [
      { rule: rule.name, kind: "Deployment", name: "web", container: "app", reason: "…", expires: "2026-06-30" },
    ];
    const spec = podSpec({ containers: [app({}), app({}, "exporter")] });
    const { violations } = await run(rule, [deployment(spec)], { exemptions });
    assert.deepEqual(violations.length, 1);
    assert.match(violations[0] ?? "", /'exporter'/);
  });
});
