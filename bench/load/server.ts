import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { root } from "../program";

/** The server that {@link TrivialServer} starts, as it saw the load itself. */
export interface Answered {
  readonly requests: number;
  /** Milliseconds. */
  readonly p95: number;
}

export class TrivialServer {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: Interface,
    readonly url: string,
  ) {}

  static async start(): Promise<TrivialServer> {
    const child = spawn(process.execPath, ["--import", "tsx", join(__dirname, "answer.ts")], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines = createInterface({ input: child.stdout });
    const gone = once(child, "exit").then(() => Promise.reject(new Error("the server ended before it listened")));
    const [port] = (await Promise.race([once(lines, "line"), gone])) as [string];
    gone.catch(() => undefined);
    return new TrivialServer(child, lines, `http://127.0.0.1:${port}`);
  }

  /** Where the measurement has failed; nothing where it is stopped already. */
  kill(): void {
    this.child.kill("SIGKILL");
  }

  async stop(): Promise<Answered> {
    const told = once(this.lines, "line") as Promise<[string]>;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    const [text] = await told;
    await ended;
    return JSON.parse(text) as Answered;
  }
}
