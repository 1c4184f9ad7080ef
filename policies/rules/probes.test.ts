import assert from "node:assert/strict";
import { container, deployment, podSpec, resource, run, UNKNOWN } from "../testing";
import { probes as rule } from "./probes";

const silent = (changes: Record<string, unknown> = {}): Record<string, unknown> =>
  container({ readinessProbe: undefined, livenessProbe: undefined, ...changes });

describe("policy probes", () => {
  it("passes with both", async () => {
    assert.deepEqual(await run(rule, [deployment(podSpec())]), { violations: [], notes: [] });
  });

  it("names the missing probe and the container; a startup probe counts as neither", async () => {
    const spec = podSpec({
      containers: [container(), silent({ name: "exporter", startupProbe: { tcpSocket: { port: 1 } } })],
    });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'exporter': readinessProbe is missing, so it gets traffic before it can answer; add one",
      "Deployment shop/web, container 'exporter': livenessProbe is missing, so it is not restarted when it hangs; add one",
    ]);
  });

  it("refuses a probe that asks nothing", async () => {
    const spec = podSpec({ containers: [container({ livenessProbe: { periodSeconds: 5 } })] });
    assert.deepEqual((await run(rule, [deployment(spec)])).violations, [
      "Deployment shop/web, container 'app': livenessProbe asks nothing; give it one of exec, httpGet, tcpSocket, grpc",
    ]);
  });

  it("leaves out init and ephemeral containers, and takes in sidecars", async () => {
    const spec = podSpec({
      initContainers: [silent({ name: "migrate" }), silent({ name: "proxy", restartPolicy: "Always" })],
      ephemeralContainers: [silent({ name: "debug" })],
    });
    const { violations } = await run(rule, [deployment(spec)]);
    assert.equal(violations.length, 2);
    assert.ok(violations.every((each) => each.includes("container 'proxy'")));
  });

  it("leaves out what runs until it is done", async () => {
    const template = { spec: podSpec({ containers: [silent()] }) };
    const finished = [
      resource("kubernetes:batch/v1:Job", { spec: { template } }),
      resource("kubernetes:batch/v1:CronJob", { spec: { jobTemplate: { spec: { template } } } }),
      resource("kubernetes:core/v1:Pod", { spec: podSpec({ restartPolicy: "Never", containers: [silent()] }) }),
    ];
    assert.deepEqual(await run(rule, finished), { violations: [], notes: [] });
  });

  it("notes an unknown probe", async () => {
    const { violations, notes } = await run(rule, [
      deployment(podSpec({ containers: [container({ readinessProbe: UNKNOWN })] })),
    ]);
    assert.deepEqual(violations, []);
    assert.equal(notes.length, 1);
  });

  it("can be exempted from", async () => {
    const exemptions = [{ rule: rule.name, kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" }];
    assert.deepEqual(
      (await run(rule, [deployment(podSpec({ containers: [silent()] }))], { exemptions })).violations,
      [],
    );
  });
});
