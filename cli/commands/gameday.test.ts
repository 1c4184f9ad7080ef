import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DayFolder } from "../../chaos/gameday/folder";
import { parsePlan } from "../../chaos/gameday/plan";
import { known, quickPlan } from "../../chaos/gameday/testing/day";
import { CommandError, exit } from "../errors";
import { gamedayCommand } from "./gameday";

const gameday = (...args: string[]) => gamedayCommand().parseAsync(args, { from: "user" });

describe("ballast gameday", () => {
  let path: string;
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), "ballast-gameday-"));
  });
  afterEach(() => rm(path, { recursive: true, force: true }));

  it("makes a report anew from a folder, with the notes that came since", async () => {
    const folder = await DayFolder.make(path);
    await folder.writePlan(parsePlan(quickPlan(), "a plan", known));
    const about = { id: "d1", stack: "local", environment: "local", seed: 1, commit: "abc", images: [] } as const;
    await folder.writeDay({
      ...about,
      plan: "quick",
      started: "2026-11-27T10:00:00.000Z",
      verdict: "cut off",
      runs: [],
    });
    await writeFile(join(path, "notes.md"), "The pager was silent.");
    await gameday("report", path);
    assert.match(await readFile(folder.report, "utf8"), /The pager was silent/);
  });

  it("says what is wrong with a plan, a seed or a folder, and what would be right", async () => {
    const file = join(path, "wrong.json");
    await writeFile(file, JSON.stringify({ ...quickPlan(), questions: [] }));
    const wrong: [string[], RegExp][] = [
      [["run", "nosuch"], /no plan nosuch; there are: first-gameday, postgres/],
      [["run", file], /wrong\.json is no valid plan of a GameDay:[^]*\n {2}- questions is \[\]/],
      [["run", join(path, "missing.json")], /missing\.json cannot be read/],
      [["run", "node-loss", "--seed", "1.5"], /--seed must be a whole number/],
    ];
    for (const [args, message] of wrong) {
      await assert.rejects(gameday(...args), (error) => {
        assert.ok(error instanceof CommandError && error.code === exit.usage, String(error));
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(gameday("report", path), /plan\.json cannot be read: give the folder of a GameDay/);
  });
});
