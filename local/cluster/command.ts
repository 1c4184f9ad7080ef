import { spawn } from "node:child_process";

export interface CommandOptions {
  /** Text for its standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are not an error. @default [0] */
  readonly accept?: readonly number[];
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. Rejects when it cannot be started or ends with a code that is not accepted, with its last words. */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error) => reject(new Error(`${program} could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code !== null && (options.accept ?? [0]).includes(code)) {
        resolve({ code, stdout, stderr });
        return;
      }
      const said = (stderr.trim() || stdout.trim()).split("\n").slice(-8).join("\n");
      reject(new Error(`${program} ${args.join(" ")} ended with ${signal ?? `code ${code}`}: ${said}`));
    });
    // A program that ends before it read all its input has said why by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}
