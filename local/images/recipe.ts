import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Raised when archives of the same recipe come out different. */
const formatVersion = 1;

/** Digest of every file in a folder: its path, whether it can be executed, its content. */
export async function folderDigest(folder: string, chosen: (file: string) => boolean = () => true): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash("sha256");
  for (const path of files.filter((file) => chosen(file.slice(folder.length + 1))).sort()) {
    const executable = ((await stat(path)).mode & 0o100) !== 0;
    const content = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    hash.update(`${path.slice(folder.length + 1)}\0${executable ? "x" : "-"}\0${content}\0`);
  }
  return hash.digest("hex");
}

/** Whether a file of an image's folder goes into the image; tests stand beside what they test. */
export function inContext(file: string): boolean {
  return !/\.test\.ts$|(^|\/)(README\.md|__pycache__\/.*)$/.test(file);
}

/** References that a Containerfile starts from, without its own stages and `scratch`. */
export function basesOf(containerfile: string): string[] {
  const stages = new Set<string>(["scratch"]);
  const bases = new Set<string>();
  for (const line of containerfile.split("\n")) {
    const [, base, stage] = /^FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?\s*$/i.exec(line.trim()) ?? [];
    if (base === undefined) continue;
    if (!stages.has(base)) bases.add(base);
    if (stage) stages.add(stage);
  }
  return [...bases];
}

/** What an image is made from, as one digest. */
export async function recipeKey(
  folder: string,
  parts: { readonly bases: readonly string[]; readonly inputs: readonly string[] },
): Promise<string> {
  const content = await folderDigest(folder, inContext);
  const all = [String(formatVersion), process.arch, content, ...parts.bases, ...parts.inputs];
  return createHash("sha256").update(all.join("\n")).digest("hex").slice(0, 16);
}
