import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { cacheRoot } from "../../cluster/cache.mjs";
import { pruneUnused } from "../../prune.mjs";

/** V8 refuses code that does not begin at a multiple of this. Bytes. */
const WORD = 8;

export function digest(...texts) {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  return hash.digest("hex").slice(0, 40);
}

/**
 * What the processes of programs have made of files: compiled code, and JavaScript from TypeScript. All of one installed SDK stands in one file,
 * `~/.cache/ballast/program/<name>`: the length of an index, the index as JSON, then the parts that it points to. A cache is a convenience: where it
 * cannot be read or written the program runs all the same.
 */
export class Kept {
  #file;
  /** The file's inode as it was read: each save makes another. */
  #inode;
  #index = {};
  #parts = Buffer.alloc(0);
  /** By key, what this process has made because it was not kept: a function that gives its bytes. */
  #made = new Map();

  constructor(name) {
    this.#file = path.join(cacheRoot(), "program", name);
    this.#readIfNew();
  }

  #readIfNew() {
    try {
      const inode = statSync(this.#file, { throwIfNoEntry: false })?.ino;
      if (inode === this.#inode) return;
      this.#inode = inode;
      const content = readFileSync(this.#file);
      const start = WORD + content.readUInt32LE(0);
      this.#index = JSON.parse(content.toString("utf8", WORD, start));
      this.#parts = content.subarray(start);
      pruneUnused(path.dirname(this.#file), this.#file);
    } catch (error) {
      if (error.code !== "ENOENT") complain(this.#file, error);
    }
  }

  /** The compiled code of a file with this text; without any, `keep` is given the script. */
  code(filename, text) {
    const key = `code ${filename}`;
    return {
      data: this.#find(key, text),
      keep: (script) => this.#made.set(key, { text, bytes: () => script.createCachedData() }),
    };
  }

  /** The JavaScript of a file with this text; `make` is asked where it is not kept. */
  javaScript(filename, text, make) {
    const key = `javascript ${filename}`;
    const found = this.#find(key, text);
    if (found !== undefined) return found.toString("utf8");
    const made = make();
    this.#made.set(key, { text, bytes: () => Buffer.from(made) });
    return made;
  }

  /** When the process has done its work: then the functions that it needs have been compiled. */
  save() {
    if (this.#made.size === 0) return;
    try {
      const index = {};
      const parts = [];
      let length = 0;
      const put = (key, text, bytes) => {
        index[key] = [text, length, bytes.length];
        const rest = padding(bytes);
        parts.push(bytes, rest);
        length += bytes.length + rest.length;
      };
      for (const [key, [text, start, size]] of Object.entries(this.#index)) {
        if (this.#made.has(key) || !existsSync(key.slice(key.indexOf(" ") + 1))) continue;
        put(key, text, this.#parts.subarray(start, start + size));
      }
      for (const [key, { text, bytes }] of this.#made) put(key, text, bytes());
      const json = Buffer.from(JSON.stringify(index));
      const head = Buffer.concat([json, padding(json)]);
      const size = Buffer.alloc(WORD);
      size.writeUInt32LE(head.length);
      mkdirSync(path.dirname(this.#file), { recursive: true });
      const draft = `${this.#file}.${process.pid}`;
      writeFileSync(draft, Buffer.concat([size, head, ...parts]));
      renameSync(draft, this.#file);
      this.#made.clear();
    } catch (error) {
      complain(this.#file, error);
    }
  }

  /** A program that has waited finds what another has kept meanwhile. */
  #find(key, text) {
    if (this.#index[key]?.[0] !== text) this.#readIfNew();
    const [made, start, size] = this.#index[key] ?? [];
    if (made !== text) return undefined;
    return this.#parts.subarray(start, start + size);
  }
}

const padding = (bytes) => Buffer.alloc(-bytes.length & (WORD - 1), " ");

function complain(file, error) {
  if (process.env.BALLAST_DEBUG) console.error(`cannot keep or use ${file}: ${error}`);
}
