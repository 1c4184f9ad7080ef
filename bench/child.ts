import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";

export interface Ran {
  /** From the start of the process to its end. */
  readonly seconds: number;
  /** Processor time of it and of its own children, which other work on the machine does not lengthen as it does the clock's. */
  readonly busySeconds: number;
  readonly stdout: string;
}

/** The kernel's unit of processor time in /proc, on every architecture that Linux runs Node on. */
const TICKS_A_SECOND = 100;

/** Processor time of this process' children that have ended, theirs included. */
export async function childrenBusySeconds(): Promise<number> {
  const stat = await readFile("/proc/self/stat", "utf8");
  // The second field, the program's name in parentheses, may hold spaces; cutime and cstime are fields 16 and 17.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / TICKS_A_SECOND;
}

/**
 * Runs a program to its end. One at a time, or they would count each other's processor time.
 * @throws with the end of what it said when it fails
 */
export async function ran(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  cwd?: string,
): Promise<Ran> {
  const busy = await childrenBusySeconds();
  const started = performance.now();
  const child = spawn(command, args, { env, cwd, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) {
    throw new Error(
      `${command} ${args.join(" ")} ended with ${code ?? signal}:\n${`${stdout}${stderr}`.trim().slice(-2000)}`,
    );
  }
  const seconds = (performance.now() - started) / 1000;
  return { seconds, busySeconds: (await childrenBusySeconds()) - busy, stdout };
}

/** Runs `measure` so many times, one after another. */
export async function repeat<T>(times: number, measure: (turn: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let turn = 0; turn < times; turn++) results.push(await measure(turn));
  return results;
}
