import assert from "node:assert/strict";
import { container, deployment, podSpec, run } from "../testing";
import { terminationGrace as rule } from "./termination-grace";

const of = (terminationGracePeriodSeconds: unknown, seconds?: number): Record<string, unknown> =>
  podSpec({
    terminationGracePeriodSeconds,
    containers: [container(seconds === undefined ? {} : { lifecycle: { preStop: { sleep: { seconds } } } })],
  });

describe("policy termination-grace", () => {
  it("passes one within bounds, with a pause that fits into it", async () => {
    for (const spec of [
      of(5),
      of(600),
      of(30, 10),
      podSpec({ restartPolicy: "Never", terminationGracePeriodSeconds: 0 }),
    ]) {
      assert.deepEqual(await run(rule, [deployment(spec)]), { violations: [], notes: [] });
    }
  });

  const refused: readonly [string, Record<string, unknown>, string][] = [
    ["none", of(undefined), "terminationGracePeriodSeconds is missing; set it"],
    ["too short a one", of(0), "terminationGracePeriodSeconds is 0; it must be from 5 to 600 (policies/limits.json)"],
    [
      "too long a one",
      of(3600),
      "terminationGracePeriodSeconds is 3600; it must be from 5 to 600 (policies/limits.json)",
    ],
  ];
  for (const [what, spec, message] of refused) {
    it(`refuses ${what}`, async () =>
      assert.deepEqual((await run(rule, [deployment(spec)])).violations, [`Deployment shop/web: ${message}`]));
  }

  it("refuses a pause that takes all of it", async () => {
    assert.deepEqual((await run(rule, [deployment(of(30, 30))])).violations, [
      "Deployment shop/web, container 'app': lifecycle.preStop sleeps 30 s, all of terminationGracePeriodSeconds (30); sleep less or give more time",
    ]);
  });

  it("sets what the API server would take, and leaves a chosen one", () => {
    const spec: Record<string, unknown> = {};
    assert.equal(rule.remediate?.(spec), true);
    assert.equal(spec["terminationGracePeriodSeconds"], 30);
    assert.equal(rule.remediate?.({ terminationGracePeriodSeconds: 0 }), false);
  });
});
