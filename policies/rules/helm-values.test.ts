import assert from "node:assert/strict";
import { resource, run, UNKNOWN } from "../testing";
import { helmValues as rule } from "./helm-values";

const SIZES = { requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } };
const judge = (values: unknown) => run(rule, [resource("kubernetes:helm.sh/v3:Release", { chart: "web", values })]);

describe("policy helm-values", () => {
  it("passes values that size what they configure", async () => {
    const values = { controller: { resources: SIZES, image: { tag: "v1.4.2" } }, webhook: { resources: SIZES } };
    assert.deepEqual(await judge(values), { violations: [], notes: [] });
  });

  it("reports values that size nothing", async () => {
    for (const values of [undefined, {}, { replicaCount: 2 }]) {
      assert.deepEqual((await judge(values)).violations, [
        "Release web: values sizes no container (chart web); set resources.requests and resources.limits",
      ]);
    }
  });

  it("names each block that is not complete, and what gives rights or floats", async () => {
    const values = {
      controller: { resources: { requests: { cpu: "1" } }, securityContext: { privileged: true } },
      agents: [{ resources: SIZES, hostNetwork: true, image: { repository: "agent", tag: "latest" } }],
    };
    assert.deepEqual((await judge(values)).violations, [
      "Release web: values.controller.resources lacks requests.memory, limits.cpu, limits.memory; set them",
      "Release web: values.controller.securityContext.privileged is true, which gives the container the rights of its node; remove it",
      "Release web: values.agents.0.hostNetwork is true, which gives the pod its node's network; remove it",
      "Release web: values.agents.0.image.tag is 'latest'; name a version",
    ]);
  });

  it("notes values that are not known, and does not ask for more", async () => {
    const { violations, notes } = await judge(UNKNOWN);
    assert.deepEqual(violations, []);
    assert.equal(notes.length, 1);
  });
});
