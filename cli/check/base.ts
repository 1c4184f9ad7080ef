import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot } from "../../local/cluster/cache.mjs";
import { CommandError, exit } from "../errors";

/** Branches that pull requests go to, the first that is there. */
const TARGETS = ["origin/main", "main"];
const LOCKFILE = "package-lock.json";
/** Holds the process that uses a folder. */
const OWNER = "owner";

export interface Base {
  readonly name: string;
  readonly commit: string;
  /** Whether anything differs from it, files that git does not know yet included. */
  readonly differs: boolean;
}

/**
 * The commit to compare with: `ref` as it is, else where this branch left the branch that pull requests go to. Text instead says why there is
 * none.
 * @throws CommandError for a `ref` that is no commit
 */
export async function findBase(root: string, ref?: string): Promise<Base | string> {
  const inside = await attempt(root, "rev-parse", "--is-inside-work-tree");
  if (inside !== "true") {
    if (ref !== undefined) throw new CommandError(`--base ${ref}: ${root} is not a git checkout`, exit.usage);
    return `nothing to compare with: ${root} is not a git checkout`;
  }
  if (ref !== undefined) {
    const commit = await commitOf(root, ref);
    if (commit === undefined) {
      throw new CommandError(
        `--base ${ref}: there is no such commit in ${root}; name a branch, a tag or a SHA (in CI, fetch the whole history)`,
        exit.usage,
      );
    }
    return { name: ref, commit, differs: await differs(root, commit) };
  }
  for (const target of TARGETS) {
    if ((await commitOf(root, target)) === undefined) continue;
    const commit = await attempt(root, "merge-base", "HEAD", target);
    if (commit !== undefined) return { name: `merge base of ${target}`, commit, differs: await differs(root, commit) };
  }
  return `nothing to compare with: HEAD has no common history with ${TARGETS.join(" or ")}; name a commit with --base`;
}

/**
 * A checkout of a base beside this one, with this one's packages. It is gone after `work`, whatever comes of it. Where it can be, it stands in the
 * same place each time: what is kept of a program's start is kept by the places of its files.
 */
export async function withCheckout<T>(
  root: string,
  { commit }: Base,
  work: (folder: string, notes: readonly string[]) => Promise<T>,
): Promise<T> {
  const parent = await ownFolder(root);
  const worktree = join(parent, "checkout");
  try {
    await git(
      root,
      "-c",
      "core.hooksPath=/dev/null",
      "worktree",
      "add",
      "--force",
      "--quiet",
      "--detach",
      worktree,
      commit,
    );
    const folder = join(worktree, (await git(root, "rev-parse", "--show-prefix")).replace(/\/$/, ""));
    const [ours, theirs] = [root, folder].map((each) => join(each, "node_modules")) as [string, string];
    if (existsSync(ours) && !existsSync(theirs)) await symlink(ours, theirs);
    return await work(folder, await lockfileNotes(root, folder));
  } finally {
    await rm(parent, { recursive: true, force: true });
    await attempt(root, "worktree", "prune");
  }
}

/** A new and empty folder: the checkout's own, unless another check of it is running. */
async function ownFolder(root: string): Promise<string> {
  const name = createHash("sha256").update(root).digest("hex").slice(0, 16);
  const folder = join(cacheRoot(), "bases", name);
  try {
    await mkdir(dirname(folder), { recursive: true });
    const owner = Number(await readFile(join(folder, OWNER), "utf8").catch(() => ""));
    if (!Number.isInteger(owner) || !isAlive(owner)) await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    await writeFile(join(folder, OWNER), String(process.pid));
    return await realpath(folder);
  } catch (error) {
    // Another check has it, or the user's cache cannot be written.
    if (!["EEXIST", "EACCES", "EROFS", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    return realpath(await mkdtemp(join(tmpdir(), "ballast-base-")));
  }
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

async function lockfileNotes(root: string, folder: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all(
    [root, folder].map((each) => readFile(join(each, LOCKFILE), "utf8").catch(() => "")),
  );
  if (ours === theirs) return [];
  return [`${LOCKFILE} differs from the base's, whose stacks are previewed with this checkout's packages all the same`];
}

async function differs(root: string, commit: string): Promise<boolean> {
  const unchanged = await attempt(root, "diff", "--quiet", commit, "--", ".");
  if (unchanged === undefined) return true;
  return (await git(root, "ls-files", "--others", "--exclude-standard", "--", ".")) !== "";
}

const commitOf = (root: string, ref: string): Promise<string | undefined> =>
  attempt(root, "rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`);

/** `undefined` where git refuses. */
async function attempt(root: string, ...args: string[]): Promise<string | undefined> {
  try {
    return await git(root, ...args);
  } catch (error) {
    if (typeof (error as { code?: unknown }).code === "number") return undefined;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

async function git(root: string, ...args: string[]): Promise<string> {
  // Within a hook of git's these point at the repository of the hook.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_")));
  const { stdout } = await promisify(execFile)("git", args, { cwd: root, env, maxBuffer: 2 ** 26 });
  return stdout.trim();
}
