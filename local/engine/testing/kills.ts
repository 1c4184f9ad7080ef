import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { KilledRun, Moment } from "./killed-run";
import { killProcessesWith, processesWith } from "./processes";
import type { TestProject } from "./project";

/** Runs of the engine over a project, each in a process of its own, killed at moments drawn by lot: the same seed, the same moments. */
export class Kills {
  /** `BALLAST_TEST_SEED` gives other moments. */
  private readonly seed = Number(process.env["BALLAST_TEST_SEED"] ?? 20261122);
  private readonly marker = randomUUID();
  private state = this.seed;

  constructor(private readonly project: () => TestProject) {}

  /** Ends what a failed test left. */
  end(): void {
    killProcessesWith("BALLAST_TEST_RUN", this.marker);
  }

  /**
   * Kills a run whose journal has at least so many lines. The program must end with it: nothing may go on behind the next run's back. Resolves to the
   * moment in words.
   */
  async killed(operation: KilledRun["operation"], lines: number): Promise<string> {
    const line = 2 + Math.floor(this.random() * (lines - 1));
    const written = (["nothing", "half", "all"] as const)[Math.floor(this.random() * 3)] ?? "all";
    const moment = `${operation} killed at line ${line} of its journal, ${written} of it written (seed ${this.seed})`;
    const { signal, said } = await this.run(operation, { line, written });
    assert.equal(signal, "SIGKILL", `${moment}: the run ended by itself: ${said}`);
    await this.allEnded();
    return moment;
  }

  /**
   * Kills an up once there is `file`: written by its program, with nothing asked of the engine that an answer would be missed of, or with `asks` when
   * it asks whether to go on after its preview.
   */
  async killedWhenThereIs(file: string, { asks = false } = {}): Promise<void> {
    const child = this.start("up", asks ? { asks: file } : {});
    const ended = once(child, "exit");
    while (!existsSync(file) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGKILL");
    const [, signal] = (await ended) as [number | null, string | null];
    assert.equal(signal, "SIGKILL", "the run ended by itself");
    await this.allEnded();
  }

  /** A run that is left alone goes through, and leaves no lock, journal or unfinished file. */
  async succeeds(operation: KilledRun["operation"], after: string): Promise<void> {
    const { said } = await this.run(operation);
    assert.match(said, /^{"result":"succeeded"/, `${operation} after ${after}`);
    assert.deepEqual(this.project().leftovers(), [], `after ${after}`);
  }

  private async run(
    operation: KilledRun["operation"],
    kill?: Moment,
  ): Promise<{ signal: string | null; said: string }> {
    const child = this.start(operation, kill === undefined ? {} : { kill });
    const [out, error, [, signal]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit") as Promise<[number | null, string | null]>,
    ]);
    return { signal, said: out + error };
  }

  private start(
    operation: KilledRun["operation"],
    more: Pick<KilledRun, "kill" | "asks">,
  ): ChildProcessByStdio<null, Readable, Readable> {
    const project = this.project();
    const { projectDir, stack } = project.options();
    const asked: KilledRun = {
      ...{ operation, projectDir, stack, passphrase: project.passphrase },
      ...more,
    };
    const run = path.join(__dirname, "killed-run.ts");
    return spawn(process.execPath, ["--import", "tsx", run, JSON.stringify(asked)], {
      env: { ...process.env, BALLAST_TEST_RUN: this.marker },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
  }

  private async allEnded(): Promise<void> {
    while (processesWith("BALLAST_TEST_RUN", this.marker).length > 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** A small generator of numbers from 0 to 1. */
  private random(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
