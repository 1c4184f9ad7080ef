import { readdirSync, readFileSync } from "node:fs";

/** Pids of the processes whose environment has `variable=value`: whatever a test's process has started, in whichever group. */
export function processesWith(variable: string, value: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => environmentOf(pid).includes(`${variable}=${value}`) && !isZombie(pid));
}

/** What the process was started with. */
export function argumentsOf(pid: number): string[] {
  return contentOf(`/proc/${pid}/cmdline`).split("\0");
}

/** Kills them, so that a test that failed leaves nothing behind. */
export function killProcessesWith(variable: string, value: string): void {
  for (const pid of processesWith(variable, value)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

function environmentOf(pid: number): string[] {
  return contentOf(`/proc/${pid}/environ`).split("\0");
}

/** Ended, and not yet asked after by its parent. */
function isZombie(pid: number): boolean {
  const stat = contentOf(`/proc/${pid}/stat`);
  return stat === "" || stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
}

/** Empty when the process has ended meanwhile, or is not ours to look into. */
function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
