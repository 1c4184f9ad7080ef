import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Ran {
  /** From the start of the process to its end. */
  readonly seconds: number;
  readonly stdout: string;
}

/**
 * Runs a program to its end.
 * @throws with the end of what it said when it fails
 */
export async function ran(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
  cwd?: string,
): Promise<Ran> {
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
  return { seconds: (performance.now() - started) / 1000, stdout };
}

/** Runs `measure` so many times, one after another. */
export async function repeat<T>(times: number, measure: (turn: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let turn = 0; turn < times; turn++) results.push(await measure(turn));
  return results;
}
