import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Recorder } from "../deployment/recorder";
import { findRunner, orphanGuard, preloadArguments } from "./sdk";

export interface ProgramOptions {
  /** That of Pulumi.yaml. */
  readonly projectFolder: string;
  /** The folder that the program runs in. */
  readonly folder: string;
  /** What runs there; `.` for the folder's own entry point. */
  readonly entry: string;
  readonly typescript: boolean;
  /** `nodeargs` of Pulumi.yaml. */
  readonly nodeArguments: readonly string[];
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly config: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
  /** `tsconfig` of Pulumi.yaml; absolute. */
  readonly tsconfig?: string;
  /** On top of this process's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly dryRun: boolean;
  readonly parallel: number;
  /** Of the monitor and the engine, `host:port`. */
  readonly address: string;
}

/** A program makes many short-lived objects: with room for them, few are ever moved. Megabytes. */
const largeNursery = "--max-semi-space-size=64";
/** What the SDK exits with after it has told the user what is wrong. */
const exitAfterMessage = 32;
const secondsToEnd = 10;

/** The user's program, running in a process of its own. */
export class Program {
  /** Resolves to whether the program ended well. */
  readonly ended: Promise<boolean>;
  private readonly child: ChildProcess;
  private stopped = false;

  constructor(options: ProgramOptions, recorder: Recorder) {
    const { folder, entry } = options;
    const runner = findRunner(folder);
    const preload = preloadArguments(folder);
    const preloaded = preload.length > 0;
    const { address, project, stack, organization, parallel } = options;
    this.child = spawn(
      process.execPath,
      [
        ...orphanGuard,
        ...(preloaded ? [...preload, largeNursery] : []),
        ...options.nodeArguments,
        runner,
        ...[
          "--monitor",
          address,
          "--engine",
          address,
          "--project",
          project,
          "--stack",
          stack,
          "--organization",
          organization,
        ],
        ...["--root-directory", options.projectFolder, "--pwd", folder, "--parallel", String(parallel)],
        ...(options.dryRun ? ["--dry-run"] : []),
        entry,
      ],
      {
        cwd: folder,
        // A group of its own: Ctrl-C at the terminal is for the engine, which ends the program when it is time.
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
        env: {
          ...process.env,
          ...options.environment,
          PULUMI_CONFIG: JSON.stringify(options.config),
          PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(options.secretKeys),
          ...(options.tsconfig === undefined ? {} : { PULUMI_NODEJS_TSCONFIG_PATH: options.tsconfig }),
          ...(preloaded
            ? { PULUMI_NODEJS_TYPESCRIPT: "false", BALLAST_PROGRAM_TYPESCRIPT: String(options.typescript) }
            : { PULUMI_NODEJS_TYPESCRIPT: String(options.typescript), PULUMI_NODEJS_TRANSPILE_ONLY: "true" }),
        },
      },
    );
    this.child.stdin?.on("error", () => undefined);
    const endWithEngine = (): void => void this.child.kill("SIGKILL");
    process.once("exit", endWithEngine);
    this.child.once("exit", () => process.off("exit", endWithEngine));
    this.ended = this.follow(recorder);
  }

  /** Asks the program to end, and makes it end when it does not. */
  stop(): void {
    this.stopped = true;
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), secondsToEnd * 1000);
    this.child.once("exit", () => clearTimeout(timer));
  }

  private async follow(recorder: Recorder): Promise<boolean> {
    const { stdout, stderr } = this.child;
    const output = Promise.all([stdout, stderr].map((stream) => relay(stream, recorder)));
    let code: number | null;
    let signal: NodeJS.Signals | null;
    try {
      [code, signal] = (await once(this.child, "exit")) as [number | null, NodeJS.Signals | null];
    } catch (error) {
      recorder.diagnostic("error", `the program could not be started: ${String(error)}`);
      return false;
    }
    await output;
    if (code === 0) return true;
    if (code !== exitAfterMessage && !recorder.hasErrors() && !this.stopped) {
      recorder.diagnostic(
        "error",
        code === null ? `the program was ended by ${signal ?? "a signal"}` : `the program ended with exit code ${code}`,
      );
    }
    return false;
  }
}

async function relay(stream: Readable | null, recorder: Recorder): Promise<void> {
  if (stream === null) return;
  for await (const line of createInterface({ input: stream })) if (line !== "") recorder.diagnostic("info", line);
}
