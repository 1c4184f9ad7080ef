import { randomBytes } from "node:crypto";
import { copyFile, link, mkdir, open, readFile, readdir, rename, rm, stat, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Tells one version of a file from another without reading it. */
export type Stamp = string;

/** A file open for appending. */
export interface Appender {
  /** Resolves when all of `text` is in the file; it is durable after the next `sync`. */
  write(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

export interface ReplaceOptions {
  /** Runs when the new file is on disk, just before it takes the old one's place; if it throws, the old one stays. */
  readonly ready?: () => Promise<void>;
  /** Permissions. @default 0o600 */
  readonly mode?: number;
}

/** The file operations that state is kept with; tests put a failing or counting one in its place. */
export interface Disk {
  /** `undefined` when the file does not exist. */
  read(file: string): Promise<Buffer | undefined>;
  stamp(file: string): Promise<Stamp | undefined>;
  /**
   * Puts a new file in place of the old one at once and durably: whoever reads it sees all of the old or all of the new, whatever
   * happens.
   */
  replace(file: string, chunks: readonly string[], options?: ReplaceOptions): Promise<void>;
  /** Creates `file`, which must not exist. */
  create(file: string): Promise<Appender>;
  /** Cuts `file` to `length` bytes and opens it there. */
  reopen(file: string, length: number): Promise<Appender>;
  /** Makes `to` the content that `from` has now. `to` may exist, and is replaced at once. */
  keep(from: string, to: string): Promise<void>;
  /** A file of its own with the same content; `to` must not exist. */
  copy(from: string, to: string): Promise<void>;
  /** Does nothing when the file does not exist. */
  remove(file: string): Promise<void>;
  /** Names in a folder; empty when there is none. */
  list(folder: string): Promise<string[]>;
}

const WRITE_SIZE = 1 << 20;
const TEMPORARY = /^\..*\.[0-9a-f]{12}\.tmp$/;

export const realDisk: Disk = {
  read: (file) => readFile(file).catch(ignoreMissing),

  async stamp(file) {
    const found = await stat(file, { bigint: true }).catch(ignoreMissing);
    return found && `${found.ino}:${found.size}:${found.mtimeNs}`;
  },

  async replace(file, chunks, { ready, mode = 0o600 } = {}) {
    await mkdir(dirname(file), { recursive: true });
    const draft = temporary(file);
    try {
      const handle = await open(draft, "wx", mode);
      try {
        for (const block of blocks(chunks)) await writeAll(handle, block);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await ready?.();
      await rename(draft, file);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
    await syncFolder(dirname(file));
  },

  async create(file) {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, "ax", 0o600);
    await syncFolder(dirname(file));
    return appender(handle);
  },

  async reopen(file, length) {
    const handle = await open(file, "a");
    await handle.truncate(length);
    return appender(handle);
  },

  async keep(from, to) {
    const draft = temporary(to);
    await link(from, draft).catch(async (error: NodeJS.ErrnoException) => {
      // Some file systems have no hard links.
      if (error.code === "ENOENT") throw error;
      await copyFile(from, draft);
    });
    await rename(draft, to);
    // A link renamed over another to the same file leaves both names.
    await rm(draft, { force: true });
  },

  async copy(from, to) {
    await mkdir(dirname(to), { recursive: true });
    await copyFile(from, to);
  },

  remove: (file) => unlink(file).catch(ignoreMissing),

  list: async (folder) => (await readdir(folder).catch(ignoreMissing)) ?? [],
};

/** Removes what a killed process left of its unfinished writes to `file`. Only under the stack's lock. */
export async function sweepTemporaries(disk: Disk, file: string): Promise<void> {
  const prefix = `.${basename(file)}.`;
  for (const name of await disk.list(dirname(file))) {
    if (name.startsWith(prefix) && TEMPORARY.test(name)) await disk.remove(join(dirname(file), name));
  }
}

const temporary = (file: string): string =>
  join(dirname(file), `.${basename(file)}.${randomBytes(6).toString("hex")}.tmp`);

function appender(handle: Awaited<ReturnType<typeof open>>): Appender {
  return {
    write: (text) => writeAll(handle, Buffer.from(text)),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
}

async function writeAll(handle: Awaited<ReturnType<typeof open>>, data: Buffer): Promise<void> {
  for (let done = 0; done < data.length;) {
    done += (await handle.write(data, done)).bytesWritten;
  }
}

/** Joins small chunks, so that a state of many resources is not as many calls. */
function* blocks(chunks: readonly string[]): Generator<Buffer> {
  let gathered: string[] = [];
  let size = 0;
  for (const chunk of chunks) {
    gathered.push(chunk);
    size += chunk.length;
    if (size < WRITE_SIZE) continue;
    yield Buffer.from(gathered.join(""));
    gathered = [];
    size = 0;
  }
  if (size > 0) yield Buffer.from(gathered.join(""));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}
