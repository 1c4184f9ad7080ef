import assert from "node:assert/strict";
import { deployment, podSpec, resource, run } from "../testing";
import { serviceAccountToken as rule } from "./service-account-token";

const account = (automountServiceAccountToken: unknown) =>
  resource("kubernetes:core/v1:ServiceAccount", {
    metadata: { name: "web", namespace: "shop" },
    automountServiceAccountToken,
  });

const reasoned = (reason: string, changes: Record<string, unknown>) =>
  resource("kubernetes:apps/v1:Deployment", {
    metadata: { name: "web", namespace: "shop", annotations: { "ballast.dev/api-access": reason } },
    spec: { template: { spec: podSpec({ automountServiceAccountToken: true, ...changes }) } },
  });

describe("policy service-account-token", () => {
  it("passes pods and accounts without one, and a pod that says what for", async () => {
    const resources = [
      account(false),
      deployment(podSpec()),
      reasoned("Keeps its leader's key.", { serviceAccountName: "web" }),
    ];
    assert.deepEqual(await run(rule, resources), { violations: [], notes: [] });
  });

  it("reports an account and a pod that leave it to the default, which is a token", async () => {
    const resources = [account(undefined), deployment(podSpec({ automountServiceAccountToken: undefined }))];
    assert.deepEqual((await run(rule, resources)).violations, [
      "ServiceAccount shop/web: automountServiceAccountToken is missing, which means true; set it to false, and to true only on the pods that call the API server",
      "Deployment shop/web: automountServiceAccountToken is missing, which means true; set it to false, or say in the annotation ballast.dev/api-access what the token is for",
    ]);
  });

  it("refuses an empty reason, and the default account", async () => {
    assert.equal((await run(rule, [reasoned(" ", { serviceAccountName: "web" })])).violations.length, 1);
    for (const serviceAccountName of [undefined, "default"]) {
      const [message = ""] = (await run(rule, [reasoned("It reads pods.", { serviceAccountName })])).violations;
      assert.match(message, /token of the namespace's default account/);
    }
  });
});
