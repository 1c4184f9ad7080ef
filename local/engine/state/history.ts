import { basename, join } from "node:path";
import type { JsonObject } from "./codec";
import type { Disk } from "./disk";
import type { StackPaths } from "./layout";
import type { ResourceChanges, UpdateKind } from "./store";

/** One run in the stack's history. */
export interface HistoryEntry {
  readonly kind: UpdateKind;
  /** The `-m` of the run. @default "" */
  readonly message?: string;
  /** Facts on where it ran: `git.head`, `exec.kind` … */
  readonly environment?: Readonly<Record<string, string>>;
  /** The stack's configuration as in its file: secrets are `{ secure: <ciphertext> }`. */
  readonly config?: JsonObject;
  readonly startTime: Date;
  readonly endTime: Date;
  readonly result: "succeeded" | "failed";
  readonly changes: ResourceChanges;
}

/** Writes the run into history, with a copy of the checkpoint, and a backup, as the CLI does after each run. */
export async function writeHistory(disk: Disk, paths: StackPaths, stack: string, entry: HistoryEntry): Promise<void> {
  const changes = Object.entries(entry.changes).filter(([, count]) => count > 0);
  const record = {
    kind: entry.kind,
    startTime: seconds(entry.startTime),
    message: entry.message ?? "",
    environment: entry.environment ?? {},
    config: entry.config ?? {},
    version: 0,
    result: entry.result,
    endTime: seconds(entry.endTime),
    ...(changes.length > 0 ? { resourceChanges: Object.fromEntries(changes) } : {}),
  };
  const stamp = nanoseconds(entry.endTime);
  const name = join(paths.history, `${stack}-${stamp}`);
  await disk.replace(`${name}.history.json`, [JSON.stringify(record)]);
  await disk.copy(paths.checkpoint, `${name}.checkpoint.json`);
  await backUp(disk, paths, stack, stamp);
}

/** Keeps the checkpoint as it is now among the stack's backups. */
export async function backUp(
  disk: Disk,
  paths: StackPaths,
  stack: string,
  stamp = nanoseconds(new Date()),
): Promise<string> {
  const file = join(paths.backups, `${basename(stack)}.${stamp}.json`);
  await disk.copy(paths.checkpoint, file);
  return file;
}

const seconds = (time: Date): number => Math.floor(time.getTime() / 1000);

/** Unique within the process, which holds the stack's lock. */
function nanoseconds(time: Date): string {
  const fraction = process.hrtime.bigint() % 1_000_000n;
  return (BigInt(time.getTime()) * 1_000_000n + fraction).toString();
}
