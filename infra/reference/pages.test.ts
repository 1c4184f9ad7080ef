import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { environments } from "../config/schema";
import { declaredByProgram } from "../testing/program";
import { halfFlows } from "./network";
import { pages } from "./pages";

describe("the generated pages of docs/", function () {
  this.timeout(60_000);

  it("are what the program and its schema say", async () => {
    for (const [name, text] of Object.entries(await pages())) {
      assert.equal(
        readFileSync(join(__dirname, "../../docs", name), "utf8"),
        text,
        `docs/${name}: run \`npm run docs\``,
      );
    }
  });

  for (const stack of environments) {
    it(`show no flow of ${stack} that only one of its ends allows`, async () => {
      const { declared } = await declaredByProgram(stack);
      assert.deepEqual(halfFlows(declared), []);
    });
  }
});
