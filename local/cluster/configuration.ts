import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Writes `path` whole or not at all, for its owner only. */
export async function writeWhole(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, text, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return path;
}

/** The configuration files of a machine, with one digest for all of them. */
export class Configuration {
  readonly #texts = new Map<string, string>();

  constructor(private readonly directory: string) {}

  /** Gives the file's path. */
  async write(name: string, text: string): Promise<string> {
    this.#texts.set(name, text);
    return writeWhole(join(this.directory, name), text);
  }

  digest(): string {
    const hash = createHash("sha256");
    for (const [name, text] of [...this.#texts].sort(([one], [other]) => (one < other ? -1 : 1)))
      hash.update(`${name}\0${text}\0`);
    return hash.digest("hex").slice(0, 16);
  }
}
