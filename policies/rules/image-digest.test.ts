import assert from "node:assert/strict";
import { container, deployment, podSpec, run } from "../testing";
import { imageDigest as rule } from "./image-digest";

const of = (image: string): Record<string, unknown> => podSpec({ containers: [container({ image })] });

describe("policy image-digest", () => {
  it("passes a digest, and a tag that our registry does not let anybody move", async () => {
    for (const image of [`docker.io/library/redis@sha256:${"ab".repeat(32)}`, "ghcr.io/ballast-platform/app:1.4.2"]) {
      assert.deepEqual(await run(rule, [deployment(of(image))]), { violations: [], notes: [] });
    }
  });

  it("reports a tag elsewhere, and how to write it", async () => {
    assert.deepEqual((await run(rule, [deployment(of("docker.io/library/redis:7.4.1"))])).violations, [
      "Deployment shop/web, container 'app': image 'docker.io/library/redis:7.4.1' has no digest, and its registry may move the tag; " +
        "write 'docker.io/library/redis:7.4.1@sha256:…' or copy it to ghcr.io/ballast-platform/",
    ]);
  });

  it("can be exempted from, container by container", async () => {
    const exemptions = [
      { rule: rule.name, kind: "Deployment", name: "web", container: "app", reason: "…", expires: "2026-06-30" },
    ];
    assert.deepEqual((await run(rule, [deployment(of("redis:7"))], { exemptions })).violations, []);
  });
});
