import { basename, dirname } from "node:path";
import type { Appender, Disk } from "../disk";

/** Thrown by every call once the process is taken to be dead. */
export class Crash extends Error {}

const RENAME_WORK = 300;

/**
 * A disk in memory on which the process can die at any moment: after `budget` units of work (a byte appended, a call) every call
 * fails. What was written but not synced may be there in part afterwards, as on a real disk.
 */
export class CrashDisk implements Disk {
  readonly files = new Map<string, Buffer>();
  /** Bytes given to `replace`, and how often. */
  replacedBytes = 0;
  replacements = 0;
  appendedBytes = 0;
  private readonly synced = new Map<string, number>();
  private readonly versions = new Map<string, number>();
  private clock = 0;

  /** Set to make every write fail, as on a full disk. */
  fail: Error | undefined;

  constructor(private readonly budget = Infinity) {}

  get used(): number {
    return this.clock;
  }

  /** The disk as the next process finds it; `torn` (0 to 1) is how much of what was not synced is there. */
  afterCrash(torn: number, budget = Infinity): CrashDisk {
    const next = new CrashDisk(budget);
    for (const [file, content] of this.files) {
      const safe = this.synced.get(file) ?? content.length;
      next.files.set(file, content.subarray(0, safe + Math.floor((content.length - safe) * torn)));
    }
    return next;
  }

  async read(file: string): Promise<Buffer | undefined> {
    this.work(0);
    return this.files.get(file);
  }

  async stamp(file: string): Promise<string | undefined> {
    this.work(0);
    return this.files.has(file) ? String(this.versions.get(file) ?? 0) : undefined;
  }

  async replace(file: string, chunks: readonly string[], options: { ready?: () => Promise<void> } = {}): Promise<void> {
    const content = Buffer.from(chunks.join(""));
    this.work(1);
    if (this.fail) throw this.fail;
    await options.ready?.();
    // A good while, in which others go on: it is the moment at which much can go wrong.
    await new Promise(setImmediate);
    this.work(RENAME_WORK);
    this.put(file, content);
    this.replacedBytes += content.length;
    this.replacements++;
    this.work(1);
  }

  async create(file: string): Promise<Appender> {
    this.work(1);
    if (this.files.has(file)) throw new Error(`${file} exists`);
    this.put(file, Buffer.alloc(0));
    return this.appender(file);
  }

  async reopen(file: string, length: number): Promise<Appender> {
    this.work(1);
    this.put(file, (this.files.get(file) ?? Buffer.alloc(0)).subarray(0, length));
    return this.appender(file);
  }

  async keep(from: string, to: string): Promise<void> {
    await this.copy(from, to);
  }

  async copy(from: string, to: string): Promise<void> {
    this.work(1);
    const content = this.files.get(from);
    if (!content) throw new Error(`${from} does not exist`);
    this.put(to, content);
  }

  async remove(file: string): Promise<void> {
    this.work(1);
    this.files.delete(file);
    this.work(1);
  }

  async list(folder: string): Promise<string[]> {
    this.work(0);
    return [...this.files.keys()].filter((file) => dirname(file) === folder).map((file) => basename(file));
  }

  private appender(file: string): Appender {
    this.synced.set(file, 0);
    return {
      write: async (text) => {
        const data = Buffer.from(text);
        if (this.fail) throw this.fail;
        const fits = Math.min(data.length, this.budget - this.clock);
        const before = this.files.get(file) ?? Buffer.alloc(0);
        this.put(file, Buffer.concat([before, data.subarray(0, fits)]));
        this.appendedBytes += fits;
        this.work(data.length);
      },
      sync: async () => {
        this.work(1);
        this.synced.set(file, this.files.get(file)?.length ?? 0);
        this.work(1);
      },
      close: async () => this.work(0),
    };
  }

  private put(file: string, content: Buffer): void {
    this.files.set(file, content);
    this.versions.set(file, (this.versions.get(file) ?? 0) + 1);
  }

  private work(units: number): void {
    this.clock = Math.min(this.clock + units, this.budget);
    if (this.clock >= this.budget) throw new Crash("the process is dead");
  }
}
