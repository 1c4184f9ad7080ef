import { run, type CommandOptions } from "../cluster/command";

/** Namespaces of its own for mounts and processes, and this process's death as its own. */
const enclosure = [
  ...["--pdeathsig", "KILL", "unshare"],
  ...["--mount", "--propagation", "private", "--pid", "--mount-proc", "--kill-child=KILL"],
];

/**
 * Runs a program that mounts and starts others, as builds do, to its end. However it ends, and also when this process is killed,
 * it leaves neither a mount nor a process. Needs root.
 * @returns its output
 */
export async function runEnclosed(program: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { stdout } = await run("setpriv", [...enclosure, program, ...args], options);
  return stdout.trim();
}
