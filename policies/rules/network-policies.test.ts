import assert from "node:assert/strict";
import type { Resource } from "../object";
import { deployment, podSpec, resource, run, UNKNOWN } from "../testing";
import { networkPolicies as rule } from "./network-policies";

function policy(spec: Record<string, unknown>, namespace: unknown = "shop"): Resource {
  return resource("kubernetes:networking.k8s.io/v1:NetworkPolicy", {
    metadata: { name: "deny", namespace },
    spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"], ...spec },
  });
}
const namespace = (name: string): Resource =>
  resource("kubernetes:core/v1:Namespace", { metadata: { name } }, "local", { name });

describe("policy network-policies", () => {
  it("passes a namespace that is closed, in one policy or in two", async () => {
    const split = [
      policy({ policyTypes: ["Ingress"] }),
      policy({ policyTypes: ["Egress"], podSelector: { matchLabels: {} } }),
    ];
    for (const policies of [[policy({})], split]) {
      assert.deepEqual(await run(rule, [namespace("shop"), deployment(podSpec()), ...policies]), {
        violations: [],
        notes: [],
      });
    }
  });

  it("reports what is left open", async () => {
    const open: readonly [Resource[], string][] = [
      [[], "Ingress and Egress"],
      [[policy({ policyTypes: ["Ingress"] })], "Egress"],
      [[policy({ ingress: [{}] })], "Ingress"],
      [[policy({ podSelector: { matchLabels: { app: "web" } } })], "Ingress and Egress"],
      [[policy({}, "other")], "Ingress and Egress"],
    ];
    for (const [policies, directions] of open) {
      const [message = "", ...others] = (await run(rule, [deployment(podSpec()), ...policies])).violations;
      assert.deepEqual(others, []);
      assert.ok(
        message.startsWith(`Deployment shop/web: no NetworkPolicy of the stack closes ${directions} for all pods`),
        message,
      );
    }
  });

  it("asks for one in a namespace that is empty still", async () => {
    const [message = ""] = (await run(rule, [namespace("later"), policy({})])).violations;
    assert.match(message, /^Namespace later: no NetworkPolicy/);
  });

  it("waits for a policy whose namespace is not known yet", async () => {
    const { violations, notes } = await run(rule, [deployment(podSpec()), policy({}, UNKNOWN)]);
    assert.deepEqual(violations, []);
    assert.equal(notes.length, 1);
  });
});
