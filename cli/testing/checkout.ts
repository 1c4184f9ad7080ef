import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { root } from "../place";

/** How a command ended, and what it wrote. */
export interface Ended {
  /** `null` after a signal. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs, in a process group of its own as a shell would start it. */
export interface Running {
  readonly ended: Promise<Ended>;
  /** Resolves when what it writes, on either stream, has come to match. Rejects when the command ends before. */
  shows(pattern: RegExp): Promise<void>;
  /** What Ctrl-C at a terminal does. */
  interrupt(): void;
}

/** A copy of this checkout whose program and stack files a test may write; `ballast` there has a state and a passphrase of its own. */
export class Checkout {
  private readonly running = new Set<ChildProcessByStdio<null, Readable, Readable>>();

  private constructor(
    readonly folder: string,
    readonly environment: NodeJS.ProcessEnv,
  ) {}

  static async make(variables: NodeJS.ProcessEnv = {}): Promise<Checkout> {
    const folder = await mkdtemp(join(tmpdir(), "ballast-checkout-"));
    const left = new Set(["node_modules", ".git", ".pulumi"]);
    await cp(root, folder, { recursive: true, filter: (source) => !left.has(basename(source)) });
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    return new Checkout(folder, {
      ...process.env,
      // A bundle of this copy would be made, kept in the user's cache, and used a few times.
      BALLAST_BUNDLE: "off",
      PULUMI_BACKEND_URL: `file://${folder}`,
      PULUMI_CONFIG_PASSPHRASE: "of the test",
      ...variables,
    });
  }

  /** Another program in place of the platform's, and a stack `dev` of it. */
  async declare(program: string, settings = "config: {}\n"): Promise<void> {
    const file = join(this.folder, "Pulumi.yaml");
    await writeFile(file, (await readFile(file, "utf8")).replace(/^main: .*$/m, "main: program"));
    await mkdir(join(this.folder, "program"), { recursive: true });
    await writeFile(join(this.folder, "program", "index.ts"), program);
    await this.writeStack("dev", settings);
  }

  writeStack(stack: string, settings: string): Promise<void> {
    return writeFile(join(this.folder, "stacks", `Pulumi.${stack}.yaml`), settings);
  }

  ballast(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.start(args, variables).ended;
  }

  start(args: readonly string[], variables: NodeJS.ProcessEnv = {}): Running {
    const child = spawn(process.execPath, [join(this.folder, "cli", "ballast.mjs"), ...args], {
      cwd: this.folder,
      env: { ...this.environment, ...variables },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.running.add(child);
    const exit = once(child, "exit") as Promise<[number | null]>;
    const ended = Promise.all([text(child.stdout), text(child.stderr), exit]).then(([stdout, stderr, [code]]) => {
      this.running.delete(child);
      return { code, stdout, stderr };
    });
    return {
      ended,
      interrupt: () => signalGroup(child, "SIGINT"),
      shows: (pattern) =>
        new Promise((resolve, reject) => {
          let shown = "";
          for (const stream of [child.stdout, child.stderr]) {
            stream.on("data", (chunk: Buffer | string) => {
              shown += chunk.toString();
              if (pattern.test(shown)) resolve();
            });
          }
          ended.then(
            ({ stdout, stderr }) => reject(new Error(`it ended without showing ${pattern}:\n${stdout}\n${stderr}`)),
            reject,
          );
        }),
    };
  }

  async remove(): Promise<void> {
    for (const child of this.running) signalGroup(child, "SIGKILL");
    await rm(this.folder, { recursive: true, force: true });
  }
}

function signalGroup({ pid }: { readonly pid?: number | undefined }, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    // It has ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
