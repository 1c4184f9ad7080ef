import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What stands beside a service's source and is no part of it. */
const beside = /\.test\.ts$|(^|\/)testing\//;

/** Digest of the files of a folder, by which a pod follows the source that its image is built from. */
export function sourceDigest(folder: string): string {
  const hash = createHash("sha256");
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const files = entries.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  for (const file of files.filter((name) => !beside.test(name)).sort()) {
    const content = createHash("sha256")
      .update(readFileSync(join(folder, file)))
      .digest("hex");
    hash.update(`${file}\0${content}\0`);
  }
  return hash.digest("hex");
}
