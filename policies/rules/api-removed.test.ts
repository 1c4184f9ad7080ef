import assert from "node:assert/strict";
import { resource, run } from "../testing";
import { apiRemoved as rule } from "./api-removed";

const of = (type: string, stack?: string) =>
  resource(`kubernetes:${type}`, { metadata: { name: "web", namespace: "shop" } }, stack);

describe("policy api-removed", () => {
  it("passes versions that there are, of other groups too", async () => {
    const types = ["batch/v1:CronJob", "apps/v1:Deployment", "example.com/v1beta1:CronJob", "core/v1:Endpoints"];
    assert.deepEqual(
      (
        await run(
          rule,
          types.map((type) => of(type)),
        )
      ).violations,
      [],
    );
  });

  it("says since when one is gone, and what to use", async () => {
    assert.deepEqual((await run(rule, [of("batch/v1beta1:CronJob"), of("apps/v1beta2:Deployment")])).violations, [
      "CronJob shop/web: batch/v1beta1 CronJob was removed in Kubernetes 1.25, and environment 'local' has 1.34; use batch/v1",
      "Deployment shop/web: apps/v1beta2 Deployment was removed in Kubernetes 1.16, and environment 'local' has 1.34; use apps/v1",
    ]);
  });

  it("says how to name the environment of a stack that is called otherwise", async () => {
    const [message = ""] = (await run(rule, [of("batch/v1beta1:CronJob", "review-7")])).violations;
    assert.match(
      message,
      /'review-7' is no environment .* so its version of Kubernetes is not known; set 'environment'/,
    );
    assert.deepEqual((await run(rule, [of("batch/v1:CronJob", "review-7")])).violations, []);
  });
});
