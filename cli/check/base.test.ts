import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError } from "../errors";
import { type Base, findBase, withCheckout } from "./base";

describe("the base of a check", () => {
  let folder: string;
  const git = (...args: string[]): string => {
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    return execFileSync("git", [...who, ...args], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim();
  };
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const commit = (text: string): string => {
    write("file", text);
    git("add", "-A");
    git("commit", "-qm", text);
    return git("rev-parse", "HEAD");
  };
  const found = async (ref?: string): Promise<Base> => {
    const base = await findBase(folder, ref);
    if (typeof base === "string") assert.fail(base);
    return base;
  };

  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "ballast-base-test-")));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("is where this branch left main, and says whether anything differs from it", async () => {
    git("init", "-q", "-b", "main");
    write(".gitignore", "ignored\n");
    const first = commit("one");
    git("checkout", "-qb", "topic");
    assert.deepEqual(await found(), { name: "merge base of main", commit: first, differs: false });
    write("ignored", "");
    assert.equal((await found()).differs, false);
    write("untracked", "");
    assert.equal((await found()).differs, true);
    git("checkout", "-q", "main");
    commit("two");
    git("checkout", "-q", "topic");
    const own = commit("three");
    assert.deepEqual(await found(), { name: "merge base of main", commit: first, differs: true });
    assert.deepEqual(await found("topic"), { name: "topic", commit: own, differs: false });
  });

  it("is none without git or a common history, and says so", async () => {
    assert.match(String(await findBase(folder)), /nothing to compare with: .* is not a git checkout/);
    git("init", "-q", "-b", "trunk");
    commit("one");
    assert.match(
      String(await findBase(folder)),
      /no common history with origin\/main or main; name a commit with --base/,
    );
  });

  it("refuses a name that is no commit", async () => {
    git("init", "-q", "-b", "main");
    commit("one");
    const refused = (error: unknown): boolean =>
      error instanceof CommandError && error.code === 2 && /--base nope: there is no such commit/.test(error.message);
    await assert.rejects(findBase(folder, "nope"), refused);
    await assert.rejects(findBase(folder, "--all"), /--base --all: there is no such commit/);
  });

  it("is checked out beside this one with its packages, and gone afterwards, whatever happens", async () => {
    git("init", "-q", "-b", "main");
    mkdirSync(join(folder, "node_modules"));
    write("package-lock.json", "{}");
    write(".gitignore", "node_modules\n");
    commit("one");
    write("file", "two");
    write("package-lock.json", '{ "more": true }');
    const base = await found();
    let place = "";
    await withCheckout(folder, base, async (checkout, notes) => {
      place = checkout;
      assert.equal(readFileSync(join(checkout, "file"), "utf8"), "one");
      assert.ok(lstatSync(join(checkout, "node_modules")).isSymbolicLink());
      assert.equal(notes.length, 1);
      assert.match(notes[0] ?? "", /^package-lock.json differs/);
    });
    assert.ok(!existsSync(place));
    const former = place;
    const inside = withCheckout(folder, base, async (first) => {
      assert.equal(first, former, "in the same place each time");
      await withCheckout(folder, base, async (second) =>
        assert.notEqual(second, first, "one of two at a time elsewhere"),
      );
      assert.ok(existsSync(join(first, "file")));
    });
    await inside;
    const failing = withCheckout(folder, base, async (checkout) => {
      place = checkout;
      throw new Error("as it happens");
    });
    await assert.rejects(failing, /as it happens/);
    assert.ok(!existsSync(place));
    assert.equal(git("worktree", "list").split("\n").length, 1);
    assert.equal(git("status", "--porcelain").split("\n").length, 2);
  });
});
