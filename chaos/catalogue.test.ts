import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CHAOS_PAGE, chaosPage } from "./catalogue";
import { experiments } from "./experiments";
import { parsePlan } from "./gameday/plan";
import { plans } from "./gameday/plans";

const runbooks = join(__dirname, "../docs/runbooks");

describe("the catalogue of experiments", () => {
  it("is what the experiments, faults and plans say", async () => {
    assert.equal(readFileSync(CHAOS_PAGE, "utf8"), await chaosPage(), "docs/chaos.md: run `npm run docs`");
  });

  it("has a runbook for each experiment, and an experiment for each runbook", () => {
    const written = readdirSync(runbooks).flatMap((file) => /^chaos-(.+)\.md$/.exec(file)?.[1] ?? []);
    assert.deepEqual(written.sort(), experiments.map(({ name }) => name).sort());
  });

  for (const { name } of experiments) {
    it(`has a runbook of ${name} that says how to run it, to end it by hand, and what to do when it fails`, () => {
      const text = readFileSync(join(runbooks, `chaos-${name}.md`), "utf8");
      assert.ok(text.startsWith(`# Experiment ${name}: `), "its title");
      assert.ok(text.includes(`\`ballast chaos run ${name}\``), "how to run it");
      for (const part of ["## What should happen", "## By hand", "## When it fails"])
        assert.ok(text.includes(part), part);
      for (const [, file = ""] of text.matchAll(/\]\((?!http)([^)#]+)[^)]*\)/g))
        assert.doesNotThrow(() => readFileSync(join(runbooks, file)), `a link to ${file}`);
    });
  }

  for (const plan of plans) {
    it(`has the plan ${plan.name}, of experiments that there are`, () => {
      assert.equal(parsePlan(plan, plan.name, experiments).name, plan.name);
    });
  }
});
