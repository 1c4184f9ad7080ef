import assert from "node:assert/strict";
import { container, deployment, podSpec, run } from "../testing";
import { seccomp as rule } from "./seccomp";

const of = (own: unknown, pod?: unknown): Record<string, unknown> =>
  podSpec({
    containers: [container({ securityContext: own === undefined ? undefined : { seccompProfile: own } })],
    securityContext: { seccompProfile: pod },
  });

describe("policy seccomp", () => {
  it("passes a profile of the container or of the pod", async () => {
    const local = { type: "Localhost", localhostProfile: "profiles/app.json" };
    for (const spec of [of({ type: "RuntimeDefault" }), of(undefined, { type: "RuntimeDefault" }), of(local)]) {
      assert.deepEqual(await run(rule, [deployment(spec)]), { violations: [], notes: [] });
    }
  });

  it("reports none, and one that allows everything, over a good one of the pod", async () => {
    assert.deepEqual((await run(rule, [deployment(of(undefined))])).violations, [
      "Deployment shop/web, container 'app': securityContext.seccompProfile.type is set neither on the container nor on the pod; set it to RuntimeDefault or Localhost",
    ]);
    const [message = ""] = (await run(rule, [deployment(of({ type: "Unconfined" }, { type: "RuntimeDefault" }))]))
      .violations;
    assert.match(message, /is Unconfined/);
  });

  it("sets the default where none is, and leaves a chosen one", () => {
    const bare: Record<string, unknown> = { name: "app" };
    assert.equal(rule.remediate?.(bare), true);
    assert.deepEqual(bare["securityContext"], { seccompProfile: { type: "RuntimeDefault" } });
    assert.equal(rule.remediate?.(bare), false);
    const chosen = { securityContext: { seccompProfile: { type: "Unconfined" } } };
    assert.equal(rule.remediate?.(chosen), false);
  });
});
