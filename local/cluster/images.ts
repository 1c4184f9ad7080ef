import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Progress } from "../progress";
import { run } from "./command";
import { writeWhole } from "./configuration";
import { containerdSocket } from "./node";
import type { NodePlan } from "./plan";

/** A running node's container runtime, as the host reaches it. */
export interface Runtime {
  readonly node: NodePlan;
  /** The node's process 1. */
  readonly pid: number;
  /** The program `ctr`. */
  readonly ctr: string;
}

export interface Archive {
  readonly reference: string;
  readonly path: string;
}

/** What was imported into a node, so that it is not imported again: by reference, the archive and what came of it. */
type Imported = Record<string, { readonly archive: string; readonly digest: string }>;

export function ctr(runtime: Runtime, ...args: string[]): Promise<string> {
  const socket = `/proc/${runtime.pid}/root${containerdSocket}`;
  return run(runtime.ctr, ["--address", socket, "--namespace", "k8s.io", ...args]).then(({ stdout }) => stdout);
}

/** Digests of a node's images by reference. */
async function imagesOf(runtime: Runtime): Promise<Map<string, string>> {
  const lines = (await ctr(runtime, "images", "ls")).split("\n").slice(1);
  return new Map(lines.map((line) => line.split(/\s+/)).map(([reference = "", , digest = ""]) => [reference, digest]));
}

async function fingerprint(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  return `${path} ${size} ${mtimeMs}`;
}

/** Imports the archives that the node's runtime does not have yet; gives the references that were imported. */
export async function importImages(runtime: Runtime, archives: readonly Archive[]): Promise<string[]> {
  const record = join(runtime.node.directory, "images.json");
  const imported = JSON.parse(await readFile(record, "utf8").catch(() => "{}")) as Imported;
  let present = await imagesOf(runtime);
  const done: string[] = [];
  for (const { reference, path } of archives) {
    const archive = await fingerprint(path);
    const former = imported[reference];
    if (former?.archive === archive && present.get(reference) === former.digest) continue;
    await ctr(runtime, "images", "import", path);
    present = await imagesOf(runtime);
    const digest = present.get(reference);
    if (digest === undefined) throw new Error(`archive ${path} holds no image ${reference}; it must be tagged so`);
    imported[reference] = { archive, digest };
    done.push(reference);
    await writeWhole(record, JSON.stringify(imported));
  }
  return done;
}

/** Gets the images' archives and puts them into every node given. */
export async function loadInto(
  runtimes: readonly Runtime[],
  references: readonly string[],
  archive: (reference: string) => Promise<string>,
  progress: Progress,
): Promise<void> {
  const archives = await Promise.all(
    references.map(async (reference) => ({ reference, path: await archive(reference) })),
  );
  await progress.task(`Load ${references.length} images into ${runtimes.length} nodes`, async (task) => {
    let finished = 0;
    await Promise.all(
      runtimes.map(async (runtime) => {
        await importImages(runtime, archives);
        task.fraction(++finished / runtimes.length);
      }),
    );
  });
}
