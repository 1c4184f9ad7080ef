import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";

export type FileState =
  | { readonly state: "found"; readonly sha256: string }
  | { readonly state: "missing" }
  /** It is there, but nothing of it may or can be read. */
  | { readonly state: "refused"; readonly reason: string };

/** The content of an artifact's file, read in pieces; nothing outside the folder is touched, by `..` or by a link. */
export async function fileState(folder: string, path: string): Promise<FileState> {
  if (!isBelow(resolve(folder), resolve(folder, path))) return outside;
  try {
    const real = await realpath(resolve(folder, path));
    if (!isBelow(await realpath(folder), real)) return outside;
    if (!(await stat(real)).isFile()) return { state: "refused", reason: "it is no file" };
    const hash = createHash("sha256");
    await pipeline(createReadStream(real, { highWaterMark: 1 << 18 }), hash);
    return { state: "found", sha256: hash.digest("hex") };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return { state: "missing" };
    return { state: "refused", reason: `it cannot be read (${code || (error as Error).message})` };
  }
}

const outside: FileState = { state: "refused", reason: "its path leads out of the folder of artifacts" };

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
