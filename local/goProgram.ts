import { createHash } from "node:crypto";
import { access, constants, mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheRoot } from "./cluster/cache.mjs";
import { compile, go } from "./go";
import type { Progress } from "./progress";
import { keepNewest } from "./prune.mjs";

/** A program that is built from its public module, in the version that a go.mod of ours pins. */
export interface GoProgram {
  /** Its file's name, and its folder's in the cache. */
  readonly name: string;
  /** Import path of the package. */
  readonly package: string;
  /** Folder of the go.mod and go.sum that pin it. */
  readonly source: string;
  /** Seconds that the first build takes on two busy cores. */
  readonly seconds: number;
}

const flags = ["-trimpath", "-ldflags", "-s -w"];
/** Builds that stay in the cache. */
const kept = 2;

/**
 * The program's file; built when it is not there. The content of the module and the compiler decide where it stands.
 *
 * @throws NoGoError when it must be built, and Go is not there
 */
export async function builtProgram(program: GoProgram, progress: Progress): Promise<string> {
  const { name, source } = program;
  const hash = createHash("sha256").update(flags.join(" "));
  hash.update(await go(["env", "GOVERSION", "GOOS", "GOARCH"], source));
  for (const file of ["go.mod", "go.sum"]) hash.update(await readFile(join(source, file)));
  const parent = join(cacheRoot(), name);
  const folder = join(parent, hash.digest("hex").slice(0, 16));
  const target = join(folder, name);
  if (!(await usable(target))) {
    await mkdir(folder, { recursive: true });
    // Two builds at once do the same work; each puts a whole program in place.
    const draft = `${target}.${process.pid}`;
    const work = progress.task(`Build ${name}`, (task) => compile(program.package, flags, source, draft, task), {
      estimateSeconds: program.seconds,
    });
    try {
      await work;
      await rename(draft, target);
    } finally {
      await rm(draft, { force: true });
    }
  }
  keepNewest(parent, folder, kept);
  return target;
}

export const usable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** The version of its module that a go.mod pins: `1.8.1`. */
export async function pinnedModule(source: string, module: string): Promise<string> {
  const file = join(source, "go.mod");
  const line = (await readFile(file, "utf8")).split("\n").map((text) => text.trim().replace(/^require /, ""));
  const version = line.find((text) => text.startsWith(`${module} v`))?.split(" ")[1];
  if (version === undefined) throw new Error(`${file} does not require ${module}`);
  return version.slice(1);
}
