import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { hostname, userInfo } from "node:os";
import { join } from "node:path";
import { isJsonObject } from "./codec";
import type { Disk } from "./disk";

interface Holder {
  readonly file: string;
  readonly pid: number;
  readonly username: string;
  readonly hostname: string;
  /** RFC 3339. */
  readonly timestamp: string;
}

/** Another run holds the stack. */
export class LockedError extends Error {
  constructor(
    stack: string,
    readonly holders: readonly { pid: number; username: string; hostname: string; timestamp: string }[],
  ) {
    const lines = holders.map(
      (holder) => `\n  held by ${holder.username}@${holder.hostname} (pid ${holder.pid}) since ${holder.timestamp}`,
    );
    super(
      `the stack ${stack} is currently locked by ${holders.length} other run${holders.length === 1 ? "" : "s"}. Wait for the ` +
        `other process to end; if it is gone for good, release the lock with \`ballast state cancel ${stack}\` or ` +
        `\`pulumi cancel\`.${lines.join("")}`,
    );
    this.name = "LockedError";
  }
}

export interface Lock {
  release(): Promise<void>;
}

/**
 * Takes the stack's lock as the CLI does: looks, writes its own file, looks again and gives way if another has come. So two
 * that start at once may both fail, but never both hold it. A lock of a process on this machine that is no more is taken over.
 */
export async function acquireLock(
  disk: Disk,
  folder: string,
  stack: string,
  note: (text: string) => void,
): Promise<Lock> {
  await refuseOthers(disk, folder, stack, undefined, note);
  const file = join(folder, `${randomUUID()}.json`);
  const content = { pid: process.pid, username: userName(), hostname: hostname(), timestamp: new Date().toISOString() };
  await disk.replace(file, [JSON.stringify(content)]);
  const lock = { release: () => disk.remove(file) };
  try {
    await refuseOthers(disk, folder, stack, file, note);
  } catch (error) {
    await lock.release();
    throw error;
  }
  return lock;
}

/** Removes every lock of the stack, whoever holds it, and tells whose they were. */
export async function breakLocks(disk: Disk, folder: string): Promise<string[]> {
  const holders = await readHolders(disk, folder);
  for (const { file } of holders) await disk.remove(file);
  return holders.map(
    ({ username, hostname, pid, timestamp }) => `${username}@${hostname} (pid ${pid}) since ${timestamp}`,
  );
}

async function refuseOthers(
  disk: Disk,
  folder: string,
  stack: string,
  own: string | undefined,
  note: (text: string) => void,
): Promise<void> {
  const others = (await readHolders(disk, folder)).filter(({ file }) => file !== own);
  const alive: Holder[] = [];
  for (const holder of others) {
    if (await mayBeAlive(holder)) {
      alive.push(holder);
      continue;
    }
    note(`took over the lock of ${stack}: pid ${holder.pid}, which held it since ${holder.timestamp}, is gone`);
    await disk.remove(holder.file);
  }
  if (alive.length > 0) throw new LockedError(stack, alive);
}

async function readHolders(disk: Disk, folder: string): Promise<Holder[]> {
  const holders: Holder[] = [];
  for (const name of await disk.list(folder)) {
    if (!name.endsWith(".json") || name.startsWith(".")) continue;
    const file = join(folder, name);
    const content = await disk.read(file);
    if (content !== undefined) holders.push(parseHolder(file, content.toString("utf8")));
  }
  return holders;
}

function parseHolder(file: string, text: string): Holder {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(
      `the lock file ${file} is not JSON (${(error as Error).message}); if no run is under way, delete it`,
    );
  }
  const fields = isJsonObject(json) ? json : {};
  const textOf = (value: unknown): string => (typeof value === "string" && value !== "" ? value : "unknown");
  return {
    file,
    pid: Number(fields["pid"]) || 0,
    username: textOf(fields["username"]),
    hostname: textOf(fields["hostname"]),
    timestamp: textOf(fields["timestamp"]),
  };
}

async function mayBeAlive(holder: Holder): Promise<boolean> {
  if (holder.hostname !== hostname() || holder.pid <= 0) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    // EPERM: it lives, under another user.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const started = await processStart(holder.pid);
  const locked = Date.parse(holder.timestamp);
  // A process younger than the lock only has the number of the one that took it.
  return started === undefined || Number.isNaN(locked) || started <= locked + CLOCK_SLACK_MS;
}

const CLOCK_SLACK_MS = 2000;
const TICKS_PER_SECOND = 100;

/** When a process of this machine began, in milliseconds since 1970; `undefined` where `/proc` does not tell. */
async function processStart(pid: number): Promise<number | undefined> {
  try {
    const [status, system] = await Promise.all([readFile(`/proc/${pid}/stat`, "utf8"), readFile("/proc/stat", "utf8")]);
    // The name, in parentheses, may hold anything; the 20th field after it is the start in ticks since boot.
    const ticks = Number(status.slice(status.lastIndexOf(")") + 2).split(" ")[19]);
    const boot = Number(/^btime (\d+)$/m.exec(system)?.[1]);
    return Number.isNaN(ticks) || Number.isNaN(boot) ? undefined : (boot + ticks / TICKS_PER_SECOND) * 1000;
  } catch {
    return undefined;
  }
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry for this uid, as in many containers.
    return `uid ${process.getuid?.() ?? "?"}`;
  }
}
