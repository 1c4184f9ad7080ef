import assert from "node:assert/strict";
import { container, deployment, podSpec, run } from "../testing";
import { allowedRegistries as rule } from "./allowed-registries";

const of = (image: unknown): Record<string, unknown> => podSpec({ containers: [container({ image })] });

describe("policy allowed-registries", () => {
  for (const image of ["ghcr.io/ballast-platform/app:1", "docker.io/library/redis:7", "registry.k8s.io/pause:3.10"]) {
    it(`passes ${image}`, async () => assert.deepEqual((await run(rule, [deployment(of(image))])).violations, []));
  }

  it("refuses another registry, another folder of a listed one, and a name that only begins alike", async () => {
    for (const image of ["registry.example/app:1", "docker.io/someone/app:1", "ghcr.io/ballast-platform-evil/app:1"]) {
      const [message = "", ...others] = (await run(rule, [deployment(of(image))])).violations;
      assert.deepEqual(others, []);
      assert.match(message, /container 'app': image '.+' is from none of the registries of policies\/limits\.json/);
    }
  });

  it("says how to write a name without a registry", async () => {
    assert.deepEqual((await run(rule, [deployment(of("redis:7"))])).violations, [
      "Deployment shop/web, container 'app': image 'redis' names no registry, so each node may take it from another; write it in full, such as 'docker.io/library/redis'",
    ]);
  });

  it("leaves what is no reference to the rule on pinned images", async () => {
    for (const image of [undefined, "app:"]) {
      assert.deepEqual((await run(rule, [deployment(of(image))])).violations, []);
    }
  });
});
