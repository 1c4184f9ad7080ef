import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheRoot } from "../../../local/cluster/cache.mjs";
import { findProgram } from "../../../local/cluster/packages";

const run = promisify(execFile);

/** Debian's package that has it; it is unpacked, not installed, as it would start a Prometheus. */
const debianPackage = "prometheus";

export type Promtool = { readonly path: string } | { readonly lacking: string };

/** The machine's promtool, else Debian's out of its package, kept in the cache. */
export async function promtool(): Promise<Promtool> {
  const installed = await findProgram("promtool");
  if (installed) return { path: installed };
  const folder = join(cacheRoot(), "promtool");
  const path = join(folder, "usr", "bin", "promtool");
  if (existsSync(path)) return { path };
  const apt = await findProgram("apt-get");
  if (!apt) return { lacking: "promtool is not on PATH, and there is no apt-get to take it from Debian's package" };
  await mkdir(cacheRoot(), { recursive: true });
  const work = await mkdtemp(join(cacheRoot(), "promtool-"));
  try {
    await run(apt, ["download", "-q", debianPackage], { cwd: work });
    const [archive] = (await readdir(work)).filter((name) => name.endsWith(".deb"));
    if (archive === undefined) return { lacking: `apt-get download ${debianPackage} left no archive` };
    await run("dpkg-deb", ["--extract", archive, "extracted"], { cwd: work });
    // Another process may have been first; what it has put there is the same.
    await rename(join(work, "extracted"), folder).catch(() => undefined);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { lacking: `promtool is not on PATH, and Debian's package could not be had: ${reason}` };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return existsSync(path) ? { path } : { lacking: `Debian's package ${debianPackage} has no promtool` };
}
