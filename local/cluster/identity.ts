import { readFile } from "node:fs/promises";
import { until } from "./until";

/** A process that cannot be mistaken for a later one of the same pid, not even after a reboot. */
export interface Identity {
  readonly pid: number;
  /** Start time in clock ticks after boot, as /proc/PID/stat has it. */
  readonly startTime: string;
  readonly boot: string;
}

/** The record that the keeper left at `path`; undefined when there is none. */
export async function readIdentity(path: string): Promise<Identity | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { pid, startTime, boot } = JSON.parse(text) as Partial<Identity>;
    if (typeof pid === "number" && typeof startTime === "string" && typeof boot === "string")
      return { pid, startTime, boot };
  } catch {
    // A half-written record names no process: the same as none.
  }
  return undefined;
}

/** Fields of /proc/PID/stat from the state on; undefined when the process is gone. */
async function stat(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

export async function identify(pid: number): Promise<Identity | undefined> {
  const fields = await stat(pid);
  if (fields?.[19] === undefined) return undefined;
  return { pid, startTime: fields[19], boot: await bootId() };
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Whether that very process runs; a zombie does not. */
export async function alive(identity: Identity | undefined): Promise<boolean> {
  if (!identity || identity.boot !== (await bootId())) return false;
  const fields = await stat(identity.pid);
  return fields !== undefined && fields[19] === identity.startTime && !["Z", "X"].includes(fields[0] ?? "X");
}

/** Kills that very process, and returns when it is gone. */
export async function kill(identity: Identity | undefined): Promise<void> {
  if (!identity || !(await alive(identity))) return;
  try {
    process.kill(identity.pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  await until(`process ${identity.pid} is gone`, 30, async () => !(await alive(identity)));
}
