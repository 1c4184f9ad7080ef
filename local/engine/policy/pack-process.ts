import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { orphanGuard, preloadArguments } from "../program/sdk";

/** How much of what a pack wrote is kept for the error when it ends. */
const KEPT_LINES = 30;
const MS_TO_END = 3000;

export interface PackProcess {
  /** `127.0.0.1:<port>` of its Analyzer service. */
  readonly address: string;
  /** Resolves when the process has ended, to how it ended and what it said. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

/**
 * Starts a pack through the runner of the SDK that the pack itself depends on, and waits for its port.
 * @throws Error naming the pack when it cannot be started.
 */
export async function startPackProcess(
  directory: string,
  program: string,
  env: Record<string, string>,
  onOutput: (line: string) => void,
  signal: AbortSignal,
): Promise<PackProcess> {
  signal.throwIfAborted();
  let runner: string;
  try {
    runner = createRequire(join(directory, "package.json")).resolve("@pulumi/pulumi/cmd/run-policy-pack");
  } catch (error) {
    const advice = "run `npm install` where the pack's package.json stands";
    throw new Error(`policy pack ${directory}: @pulumi/pulumi cannot be found from it; ${advice}`, { cause: error });
  }
  // The first argument is the engine's address, which the runner takes and leaves unused.
  const preload = preloadArguments(directory);
  const child = spawn(process.execPath, [...orphanGuard, ...preload, runner, "127.0.0.1:0", program], {
    cwd: directory,
    env: { ...process.env, ...env, PULUMI_NODEJS_TYPESCRIPT: "true" },
    stdio: ["pipe", "pipe", "pipe"],
    // Ctrl-C on the terminal is for the engine, which then stops the pack in its own time.
    detached: true,
  });
  child.stdin.on("error", () => undefined);

  const said: string[] = [];
  const note = (line: string): void => {
    said.push(line);
    if (said.length > KEPT_LINES) said.shift();
  };
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(`cannot be started: ${error.message}`));
    child.once("close", (code, killedBy) => {
      const how = killedBy === null ? `ended with exit code ${code}` : `was ended by ${killedBy}`;
      resolve(said.length === 0 ? how : `${how}\n${said.join("\n")}`);
    });
  });
  const stop = async (): Promise<void> => {
    // The end of its input ends it in order; a rule that never comes back does not hear of it.
    child.stdin.end();
    const timer = setTimeout(() => child.kill("SIGKILL"), MS_TO_END);
    await ended;
    clearTimeout(timer);
  };

  createInterface({ input: child.stderr }).on("line", note);
  const port = new Promise<string>((resolve) => {
    let known = false;
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (known) return onOutput(line);
      if (!/^\d+$/.test(line.trim())) return note(line);
      known = true;
      resolve(line.trim());
    });
  });
  const aborted = new Promise<"aborted">((resolve) =>
    signal.addEventListener("abort", () => resolve("aborted"), { once: true }),
  );
  const failed = ended.then((reason) => new Error(`policy pack ${directory} ${reason}`));
  const first = await Promise.race([port, failed, aborted]);
  if (first instanceof Error) throw first;
  if (first === "aborted") {
    await stop();
    throw new Error(`policy pack ${directory}: interrupted while it started`);
  }
  return { address: `127.0.0.1:${first}`, ended, stop };
}
