import assert from "node:assert/strict";
import { ENVIRONMENTS, environmentNamed } from "./ceilings";
import { levelIn, readLevels } from "./level";
import list from "./levels.json";
import { rulesOf } from "./pack";

const RULES = ["image-digest", "probes"];
const read = (levels: unknown) => readLevels({ environments: levels }, RULES);

describe("levels.json", () => {
  const names = rulesOf([]).map(({ name }) => name);

  it("is read, and switches nothing off in prod", () => {
    const levels = readLevels(list, names);
    for (const name of names) assert.notEqual(levelIn(levels, "prod", name), "disabled", name);
    assert.equal(levelIn(levels, "local", "image-digest"), "disabled");
  });

  it("is mandatory where nothing is said, and as strict as prod where the environment is none", () => {
    const levels = read({ dev: { probes: "disabled" }, prod: { probes: "advisory" } });
    assert.equal(levelIn(levels, "dev", "image-digest"), "mandatory");
    assert.equal(levelIn(levels, "dev", "probes"), "disabled");
    assert.equal(levelIn(levels, "review-7", "probes"), "advisory");
  });

  const refused: readonly [string, unknown, string][] = [
    ["no object", [], "policies/levels.json: 'environments' must be an object of levels by rule"],
    [
      "an unknown environment",
      { lokal: {} },
      `policies/levels.json: environments.lokal: there is no such environment; they are ${ENVIRONMENTS.join(", ")}`,
    ],
    [
      "an unknown rule",
      { dev: { probe: "disabled" } },
      "policies/levels.json: environments.dev.probe: there is no such rule; the rules are image-digest, probes",
    ],
    [
      "an unknown level",
      { dev: { probes: "off" } },
      'policies/levels.json: environments.dev.probes: "off" is no level; write one of advisory, mandatory, disabled',
    ],
  ];
  for (const [what, levels, message] of refused) {
    it(`refuses ${what}`, () => assert.throws(() => read(levels), { message }));
  }

  it("takes the environment that a stack is called, or that its name begins with", () => {
    assert.equal(environmentNamed("prod"), "prod");
    assert.equal(environmentNamed("prod-eu"), "prod");
    assert.equal(environmentNamed("production"), "production");
    assert.equal(environmentNamed("review-7"), "review-7");
  });
});
