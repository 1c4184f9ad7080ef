import assert from "node:assert/strict";
import list from "./exemptions.json";
import { readExemptions } from "./exemption";
import { rulesOf } from "./pack";

const RULES = ["image-pinned", "probes"];
const VALID = { rule: "probes", kind: "Deployment", name: "web", reason: "…", expires: "2026-06-30" };

describe("exemptions.json", () => {
  it("holds exemptions of rules that there are", () => {
    readExemptions(
      list,
      rulesOf([]).map(({ name }) => name),
    );
  });

  it("is read", () => {
    const full = { ...VALID, namespace: "shop", container: "app", project: "ballast", stacks: ["local"] };
    assert.deepEqual(readExemptions([VALID, full], RULES), [VALID, full]);
  });

  const refused: readonly [string, unknown, string][] = [
    ["no list", {}, "policies/exemptions.json: must be a list of exemptions"],
    ["no object", ["probes"], "policies/exemptions.json: entry 0: must be an object"],
    [
      "an unknown key",
      [VALID, { ...VALID, type: "Pod" }],
      "policies/exemptions.json: entry 1: unknown key 'type'; the keys are rule, kind, name, reason, expires, namespace, container, release, project, stacks",
    ],
    ["a missing key", [{ ...VALID, reason: undefined }], "policies/exemptions.json: entry 0: 'reason' is missing"],
    [
      "an empty reason",
      [{ ...VALID, reason: " " }],
      `policies/exemptions.json: entry 0: 'reason' is " "; write a text that is not empty`,
    ],
    [
      "stacks that are no list",
      [{ ...VALID, stacks: "local" }],
      `policies/exemptions.json: entry 0: 'stacks' is "local"; write a list of stack names`,
    ],
    [
      "an unknown rule",
      [{ ...VALID, rule: "probe" }],
      "policies/exemptions.json: entry 0: 'rule' is 'probe'; the rules are image-pinned, probes",
    ],
    [
      "another notation of dates",
      [{ ...VALID, expires: "30.6.2026" }],
      "policies/exemptions.json: entry 0: 'expires' is '30.6.2026'; write a date as YYYY-MM-DD",
    ],
    [
      "a day that is not",
      [{ ...VALID, expires: "2026-02-30" }],
      "policies/exemptions.json: entry 0: 'expires' is '2026-02-30'; write a date as YYYY-MM-DD",
    ],
  ];
  for (const [what, data, message] of refused) {
    it(`refuses ${what}`, () => assert.throws(() => readExemptions(data, RULES), { message }));
  }
});
