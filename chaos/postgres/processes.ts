import { readdir, readFile } from "node:fs/promises";

/** A process of a container, as the host sees it. */
export interface ContainerProcess {
  readonly pid: number;
  /** Number in the container's own namespace; 1 is its entry point. */
  readonly innerPid: number;
  readonly command: string;
}

/** The processes of a container whose node runs on this machine, found by the container's id in their control groups. */
export async function processesOf(containerId: string): Promise<ContainerProcess[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => describe(Number(pid), containerId)));
  const own = found.filter((one) => one !== undefined);
  if (own.length === 0)
    throw new Error(`container ${containerId} has no process on this machine; the faults need the embedded cluster`);
  return own;
}

async function describe(pid: number, containerId: string): Promise<ContainerProcess | undefined> {
  const read = (file: string) => readFile(`/proc/${pid}/${file}`, "utf8");
  try {
    if (!(await read("cgroup")).includes(containerId)) return undefined;
    const inner = /^NSpid:.*\s(\d+)$/m.exec(await read("status"))?.[1];
    return { pid, innerPid: Number(inner), command: (await read("cmdline")).replaceAll("\0", " ").trim() };
  } catch (error) {
    // It ended while it was looked at.
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ESRCH"))
      return undefined;
    throw error;
  }
}
