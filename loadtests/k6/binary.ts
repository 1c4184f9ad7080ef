import { createHash } from "node:crypto";
import { access, constants, mkdir, readFile, rename, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { cacheRoot } from "../../local/cluster/cache.mjs";
import { run } from "../../local/cluster/command";
import { compile, go, NoGoError } from "../../local/go";
import type { Progress } from "../../local/progress";
import { keepNewest } from "../../local/prune.mjs";

const source = join(__dirname, "binary");
const program = "go.k6.io/k6";
const flags = ["-trimpath", "-ldflags", "-s -w"];
/** On two busy cores. */
const BUILD_SECONDS = 90;
const KEPT = 2;

/** Of k6 itself: scripts and what is read of its output are written for this one. */
export interface K6 {
  readonly path: string;
  /** `1.8.1` */
  readonly version: string;
}

/** The version that scripts are written for. */
export async function pinnedVersion(): Promise<string> {
  const text = await readFile(join(source, "go.mod"), "utf8");
  const [, version] = /^\s*(?:require )?go\.k6\.io\/k6 v(\S+)/m.exec(text) ?? [];
  if (version === undefined) throw new Error(`${join(source, "go.mod")} does not require ${program}`);
  return version;
}

/**
 * k6 of the pinned version: the one on PATH, the one that was built before, or one that is built now from its module.
 *
 * @throws Error that says what to install, when it is not there and cannot be built
 */
export async function findK6(progress: Progress, path = process.env["PATH"] ?? ""): Promise<K6> {
  const wanted = await pinnedVersion();
  const installed = await onPath(path);
  const found = installed === undefined ? undefined : await versionOf(installed);
  if (installed !== undefined && found === wanted) return { path: installed, version: wanted };
  if (found !== undefined) progress.note(`k6 ${found} on PATH is left alone: the scripts are written for ${wanted}`);
  try {
    return { path: await built(progress), version: wanted };
  } catch (error) {
    const way = `install k6 ${wanted} and put it on PATH, or Go 1.26 or later, by which it is built`;
    if (error instanceof NoGoError) throw new Error(`k6 is not on PATH and cannot be built (${error.message}): ${way}`);
    throw new Error(`k6 is not on PATH and could not be built: ${way}. ${String((error as Error).message)}`, {
      cause: error,
    });
  }
}

async function onPath(path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const candidate = join(folder, "k6");
    if (await usable(candidate)) return candidate;
  }
  return undefined;
}

const usable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ["version"]);
  return /^k6 v(\S+)/.exec(stdout)?.[1] ?? "of an unknown version";
}

/** The content of the module and the compiler decide where it stands. */
async function built(progress: Progress): Promise<string> {
  const hash = createHash("sha256").update(flags.join(" "));
  hash.update(await go(["env", "GOVERSION", "GOOS", "GOARCH"], source));
  for (const file of ["go.mod", "go.sum"]) hash.update(await readFile(join(source, file)));
  const parent = join(cacheRoot(), "k6");
  const folder = join(parent, hash.digest("hex").slice(0, 16));
  const target = join(folder, "k6");
  if (!(await usable(target))) {
    await mkdir(folder, { recursive: true });
    // Two builds at once do the same work; each puts a whole program in place.
    const draft = `${target}.${process.pid}`;
    const work = progress.task("Build k6", (task) => compile(program, flags, source, draft, task), {
      estimateSeconds: BUILD_SECONDS,
    });
    try {
      await work;
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
  }
  keepNewest(parent, folder, KEPT);
  return target;
}
