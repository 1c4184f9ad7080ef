import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keepNewest, pruneUnused, UNUSED_DAYS } from "./prune.mjs";

const DAY = 24 * 60 * 60 * 1000;

describe("pruning of caches", () => {
  let folder: string;
  const now = Date.now();
  const entry = (name: string, daysAgo: number): string => {
    const path = join(folder, name);
    if (name.endsWith("/")) {
      mkdirSync(path);
      writeFileSync(join(path, "content"), "");
    } else {
      writeFileSync(path, "");
    }
    utimesSync(path, new Date(now - daysAgo * DAY), new Date(now - daysAgo * DAY));
    return path;
  };

  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "ballast-prune-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("removes what nobody has used for long, and nothing else", () => {
    const used = entry("used", UNUSED_DAYS + 10);
    entry("old", UNUSED_DAYS + 1);
    entry("old-folder/", UNUSED_DAYS + 1);
    entry("young", UNUSED_DAYS - 1);
    pruneUnused(folder, used, now);
    assert.deepEqual(readdirSync(folder).sort(), ["used", "young"]);
    assert.ok(Math.abs(statSync(used).mtimeMs - now) < 1000, "the entry is marked as used now");
  });

  it("looks once a day only", () => {
    const used = entry("used", 0.5);
    entry("old", UNUSED_DAYS + 1);
    pruneUnused(folder, used, now);
    assert.deepEqual(readdirSync(folder).sort(), ["old", "used"]);
  });

  it("lets go of an entry that another process has removed", () => {
    entry("young", 1);
    pruneUnused(folder, join(folder, "gone"), now);
    assert.deepEqual(readdirSync(folder), ["young"]);
  });

  it("keeps the folder that is used and the newest of the others, and every file", () => {
    entry("lock", 400);
    entry("oldest/", 300);
    entry("older/", 200);
    const used = entry("used/", 350);
    keepNewest(folder, join(folder, "used"), 2, now);
    assert.deepEqual(readdirSync(folder).sort(), ["lock", "older", "used"]);
    assert.ok(Math.abs(statSync(used).mtimeMs - now) < 1000);
  });
});
