import assert from "node:assert/strict";
import { container, deployment, podSpec, run, UNKNOWN } from "../testing";
import { imagePinned as rule } from "./image-pinned";

const DIGEST = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const of = (...images: unknown[]): Record<string, unknown> =>
  podSpec({ containers: images.map((image, index) => container({ name: `c${index}`, image })) });

describe("policy image-pinned", () => {
  const pinned = [
    "app:1",
    "registry:5000/team/app:1.4.2-rc.1",
    "docker.io/library/debian:bookworm-slim",
    `app@${DIGEST}`,
    `app:latest@${DIGEST}`,
  ];
  for (const image of pinned) {
    it(`passes ${image}`, async () =>
      assert.deepEqual(await run(rule, [deployment(of(image))]), { violations: [], notes: [] }));
  }

  const refused: readonly [unknown, string][] = [
    ["app", "image 'app' has no tag, which means 'latest'; add a version or a digest"],
    ["registry:5000/app", "image 'registry:5000/app' has no tag, which means 'latest'; add a version or a digest"],
    ["team/app:latest", "image 'team/app:latest' is whatever was pushed last; name a version or a digest"],
    ["app:", "image 'app:' is not a reference; write one such as 'registry.example/app:1.4.2'"],
    ["", "image '' is not a reference; write one such as 'registry.example/app:1.4.2'"],
    ["app@sha256:12", "image 'app@sha256:12' is not a reference; write one such as 'registry.example/app:1.4.2'"],
    [undefined, "image is missing; name one with a version or a digest"],
  ];
  for (const [image, message] of refused) {
    it(`refuses ${JSON.stringify(image)}`, async () =>
      assert.deepEqual((await run(rule, [deployment(of("app:1", image))])).violations, [
        `Deployment shop/web, container 'c1': ${message}`,
      ]));
  }

  it("checks init and ephemeral containers", async () => {
    const spec = podSpec({
      initContainers: [container({ name: "migrate", image: "app" })],
      ephemeralContainers: [container({ name: "debug", image: "app" })],
    });
    const { violations } = await run(rule, [deployment(spec)]);
    assert.deepEqual(
      violations.map((each) => /container '(\w+)'/.exec(each)?.[1]),
      ["migrate", "debug"],
    );
  });

  it("notes an unknown image, and reports the known ones", async () => {
    const { violations, notes } = await run(rule, [deployment(of(UNKNOWN, "app"))]);
    assert.equal(violations.length, 1);
    assert.equal(notes.length, 1);
  });

  it("can be exempted from", async () => {
    const exemptions = [
      { rule: rule.name, kind: "Deployment", name: "web", container: "c0", reason: "…", expires: "2026-06-30" },
    ];
    assert.deepEqual((await run(rule, [deployment(of("app"))], { exemptions })).violations, []);
  });
});
