import { writeFile } from "node:fs/promises";
import { Session } from "node:inspector/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { writeHeapSnapshot } from "node:v8";
import type { FastifyBaseLogger } from "fastify";

/** How long a CPU profile takes, in ms. */
const profileMs = 10_000;

/** On SIGUSR2: a CPU profile, then a heap snapshot, for Chrome's developer tools. One at a time; nothing runs before. */
export function profileOnSignal(folder: string, log: FastifyBaseLogger): void {
  let running = false;
  process.on("SIGUSR2", () => {
    if (running) return;
    running = true;
    profile(folder)
      .then((files) => log.info({ files }, "profiled"))
      .catch((error: unknown) => log.error({ err: error as Error }, "profiling failed"))
      .finally(() => (running = false));
  });
}

async function profile(folder: string): Promise<string[]> {
  const name = join(folder, `taskdb-${process.pid}-${Date.now()}`);
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.start");
    await sleep(profileMs);
    const { profile } = await session.post("Profiler.stop");
    await writeFile(`${name}.cpuprofile`, JSON.stringify(profile));
  } finally {
    session.disconnect();
  }
  return [`${name}.cpuprofile`, writeHeapSnapshot(`${name}.heapsnapshot`)];
}
