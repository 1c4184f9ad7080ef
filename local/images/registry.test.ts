import assert from "node:assert/strict";
import { Registries } from "./registry";

describe("registries", () => {
  it("are each asked once in a run", async () => {
    const asked: string[] = [];
    const registries = new Registries(async (host) => {
      asked.push(host);
      return host === "up.test";
    });
    const answers = await Promise.all(["up.test", "down.test", "up.test"].map((host) => registries.answers(host)));
    assert.deepEqual(answers, [true, false, true]);
    assert.deepEqual(asked, ["up.test", "down.test"]);
  });

  it("are not asked again after a failure", async () => {
    const registries = new Registries(async () => true);
    assert.equal(await registries.answers("up.test"), true);
    registries.failed("up.test");
    assert.equal(await registries.answers("up.test"), false);
  });

  it("do not answer at a closed port", async () => {
    assert.equal(await new Registries().answers("127.0.0.1:1"), false);
  });
});
