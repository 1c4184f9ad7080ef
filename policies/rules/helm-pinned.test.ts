import assert from "node:assert/strict";
import { resource, run } from "../testing";
import { helmPinned as rule } from "./helm-pinned";

const GOOD = { chart: "web", version: "1.4.2", repositoryOpts: { repo: "https://charts.example.com" } };
const told = async (props: Record<string, unknown>, type = "v3:Release"): Promise<string[]> =>
  (await run(rule, [resource(`kubernetes:helm.sh/${type}`, props)])).violations;

describe("policy helm-pinned", () => {
  const passing: readonly [string, Record<string, unknown>, string?][] = [
    ["one version from an https repository", GOOD],
    ["a version with a v and a pre-release", { ...GOOD, version: "v1.4.2-rc.1" }],
    ["an oci chart", { chart: "oci://registry.example/charts/web", version: "1.4.2" }, "v4:Chart"],
    ["a chart of this repository", { chart: "./charts/web" }, "v4:Chart"],
    [
      "an older Chart with fetchOpts",
      { chart: "web", version: "1.4.2", fetchOpts: { repo: "https://c.example" } },
      "v3:Chart",
    ],
  ];
  for (const [what, props, type] of passing) {
    it(`passes ${what}`, async () => assert.deepEqual(await told(props, type), []));
  }

  const refused: readonly [string, Record<string, unknown>, string][] = [
    ["no version", { version: undefined }, "version is missing, so it is whatever was published last; set it"],
    ["a range", { version: "~1.4" }, "version '~1.4' is a range; name one version, such as '1.4.2'"],
    ["a wildcard", { version: "1.x" }, "version '1.x' is a range; name one version, such as '1.4.2'"],
    [
      "no repository",
      { repositoryOpts: undefined },
      "its repository is taken from this machine's Helm configuration; set repositoryOpts.repo",
    ],
    [
      "plain http",
      { repositoryOpts: { repo: "http://c.example" } },
      "its repository 'http://c.example' is reached by neither https nor oci; use one of them",
    ],
    ["pre-releases", { devel: true }, "devel is true, which takes pre-releases; remove it"],
  ];
  for (const [what, changes, message] of refused) {
    it(`refuses ${what}`, async () =>
      assert.deepEqual(await told({ ...GOOD, ...changes }), [`Release web: ${message}`]));
  }
});
