import { delimiter, join } from "node:path";
import { run } from "../../local/cluster/command";
import { NoGoError } from "../../local/go";
import { builtProgram, type GoProgram, pinnedModule, usable } from "../../local/goProgram";
import type { Progress } from "../../local/progress";

/** How it is built. */
export const k6Program: GoProgram = {
  name: "k6",
  package: "go.k6.io/k6",
  source: join(__dirname, "binary"),
  seconds: 90,
};

/** Of k6 itself: scripts and what is read of its output are written for this one. */
export interface K6 {
  readonly path: string;
  /** `1.8.1` */
  readonly version: string;
}

/** The version that scripts are written for. */
export function pinnedVersion(): Promise<string> {
  return pinnedModule(k6Program.source, k6Program.package);
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
    return { path: await builtProgram(k6Program, progress), version: wanted };
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

async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ["version"]);
  return /^k6 v(\S+)/.exec(stdout)?.[1] ?? "of an unknown version";
}
