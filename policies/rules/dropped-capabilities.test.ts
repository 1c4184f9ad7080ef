import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { droppedCapabilities as rule } from "./dropped-capabilities";

const of = (capabilities: unknown): Record<string, unknown> =>
  podSpec({ containers: [container({ securityContext: { capabilities } })] });

describe("policy dropped-capabilities", () => {
  it("passes all dropped, and the one that may be added, in both notations", async () => {
    for (const add of [undefined, [], ["NET_BIND_SERVICE"], ["CAP_NET_BIND_SERVICE"]]) {
      assert.deepEqual(await run(rule, [deployment(of({ drop: ["ALL"], add }))]), { violations: [], notes: [] });
    }
  });

  it("reports what is not dropped, and what is added", async () => {
    assert.deepEqual((await run(rule, [deployment(of({ drop: ["NET_RAW"], add: ["SYS_TIME"] }))])).violations, [
      "Deployment shop/web, container 'app': securityContext.capabilities.drop does not hold ALL; write drop: [ALL]",
      "Deployment shop/web, container 'app': securityContext.capabilities.add holds SYS_TIME; only NET_BIND_SERVICE may be added (policies/limits.json)",
    ]);
    assert.equal((await run(rule, [deployment(of(undefined))])).violations.length, 1);
  });

  it("notes an unknown list, unless it is clear already", async () => {
    assert.equal((await run(rule, [deployment(of({ drop: [UNKNOWN] }))])).notes.length, 1);
    assert.deepEqual((await run(rule, [deployment(of({ drop: [UNKNOWN, "ALL"] }))])).notes, []);
  });
});
