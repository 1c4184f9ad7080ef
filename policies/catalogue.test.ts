import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { catalogue, CATALOGUE } from "./catalogue";
import { rulesOf } from "./pack";

describe("docs/policies.md", () => {
  it("is what the rules say", () => {
    const hint = "run `npx tsx policies/catalogue.ts --write`";
    assert.equal(readFileSync(CATALOGUE, "utf8"), catalogue(), hint);
  });

  it("stands for one file and one spec a rule", () => {
    for (const { name } of rulesOf([])) {
      assert.ok(existsSync(join(__dirname, "rules", `${name}.ts`)), name);
      assert.ok(existsSync(join(__dirname, "rules", `${name}.test.ts`)), name);
    }
  });
});
