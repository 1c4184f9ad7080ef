import { spawn } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Runs `work` while no other process holds the lock on `path`. The kernel's file lock is held by a child that lives as long as
 * its input, so a killed owner leaves nothing to clean up.
 * @param onWait called once when somebody else holds the lock
 */
export async function withLock<T>(path: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const holder = spawn("flock", [path, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
    // Ctrl-C goes to the whole foreground group; the lock must outlive the clean-up that its owner does then.
    detached: true,
  });
  const closed = new Promise<void>((resolve) => holder.once("close", () => resolve()));
  const waiting = onWait && setTimeout(onWait, 500);
  try {
    await new Promise<void>((resolve, reject) => {
      holder.stdout.once("data", () => resolve());
      holder.once("error", (error) => reject(new Error(`flock could not be started: ${error.message}`)));
      holder.once("close", () => reject(new Error(`the lock ${path} could not be taken`)));
    });
    clearTimeout(waiting);
    return await work();
  } finally {
    clearTimeout(waiting);
    holder.stdin.end();
    holder.stdout.resume();
    if (holder.pid !== undefined) await closed;
  }
}
