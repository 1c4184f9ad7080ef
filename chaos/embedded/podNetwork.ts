import { readdir, readFile } from "node:fs/promises";
import { run } from "../../local/cluster/command";
import { processesOf } from "../postgres/processes";

/**
 * Runs a program of the host in the network of a pod whose node runs on this machine; gives what it wrote.
 *
 * @param id of one of the pod's containers, or the pod's uid: its network is there as long as the pod, also between two starts of a container
 */
export async function enterNetwork(id: string, argv: readonly string[]): Promise<string> {
  const [one] = await processesOf(id);
  const { stdout } = await run("nsenter", [`--net=/proc/${one?.pid}/ns/net`, "--", ...argv]);
  return stdout;
}

/** Ends what was left running under a mark: leaders of a process group that carry it in their command line, and their groups. */
export async function endMarked(mark: string): Promise<void> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) if (await leads(pid, mark)) process.kill(-Number(pid), "SIGKILL");
}

async function leads(pid: string, mark: string): Promise<boolean> {
  try {
    if (!(await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").includes(mark)) return false;
    // After the name in brackets: state, parent, group.
    const [, , group] = (await readFile(`/proc/${pid}/stat`, "utf8")).replace(/^.*\) /s, "").split(" ");
    return group === pid;
  } catch {
    // It ended while it was looked at.
    return false;
  }
}
