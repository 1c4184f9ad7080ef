import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Progress, Task } from "../../progress";
import { programs } from "./programs.json";

export type ToolchainProgram = "keeper" | "policies-cni" | "etcd" | "kube" | "coredns" | "metrics-server";

export interface Toolchain {
  /** Holds the programs by name, and links for each Kubernetes program (kubectl, kubelet …). */
  readonly directory: string;
  /** The path of a program, once it is built. Those that a control plane needs come first. */
  binary(program: ToolchainProgram): Promise<string>;
}

/** What prebuild.mjs says, a line each. */
interface BuildEvent {
  readonly directory?: string;
  readonly program?: ToolchainProgram;
  readonly state?: "started" | "ready";
  readonly fraction?: number;
  readonly detail?: string;
  readonly error?: string;
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: Error): void;
}

function deferred<T>(): Deferred<T> {
  const handlers: { resolve?: (value: T) => void; reject?: (error: Error) => void } = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(handlers, { resolve, reject }));
  // Whoever asks for it gets the error; nobody asking is no unhandled rejection.
  promise.catch(() => undefined);
  return { promise, resolve: (value) => handlers.resolve?.(value), reject: (error) => handlers.reject?.(error) };
}

let running: Promise<Toolchain> | undefined;

/**
 * Builds the cluster's programs, or finds them built. Resolves at once when the build goes on; ask `binary` for what you need.
 * A build that was cut off goes on where it was; two builds at once wait for each other.
 */
export function ensureToolchain(progress: Progress): Promise<Toolchain> {
  running ??= build(progress);
  running.catch(() => (running = undefined));
  return running;
}

function build(progress: Progress): Promise<Toolchain> {
  const ready = new Map<string, Deferred<string>>(programs.map(({ name }) => [name, deferred<string>()]));
  const located = deferred<Toolchain>();
  const tasks = new BuildTasks(progress);
  const child = spawn(process.execPath, [join(__dirname, "prebuild.mjs"), "--events"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let failure = "";
  let directory = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (failure += text));
  createInterface({ input: child.stdout }).on("line", (line) => {
    const event = JSON.parse(line) as BuildEvent;
    if (event.error) failure = event.error;
    if (event.directory) {
      directory = event.directory;
      located.resolve({ directory, binary: (program) => ready.get(program)?.promise ?? unknown(program) });
    }
    tasks.show(event);
    if (event.program && event.state === "ready") ready.get(event.program)?.resolve(join(directory, event.program));
  });
  const end = (error: Error | undefined) => {
    tasks.end(error);
    const reason = error ?? new Error("the toolchain's build ended early");
    located.reject(reason);
    for (const program of ready.values()) program.reject(reason);
    if (error) running = undefined;
  };
  child.once("error", (error) => end(new Error(`the toolchain's build could not be started: ${error.message}`)));
  child.once("close", (code, signal) =>
    end(code === 0 ? undefined : new Error(`the toolchain could not be built (${signal ?? code}): ${failure.trim()}`)),
  );
  return located.promise;
}

function unknown(program: string): Promise<never> {
  return Promise.reject(new Error(`the toolchain has no program ${program}`));
}

/** One task a program that has to be built, as long as its build takes. */
class BuildTasks {
  readonly #open = new Map<string, { task?: Task; end: Deferred<void> }>();

  constructor(private readonly progress: Progress) {}

  show(event: BuildEvent): void {
    if (!event.program) {
      if (event.detail) this.progress.note(event.detail);
      return;
    }
    if (event.state === "started") this.#start(event.program);
    const open = this.#open.get(event.program);
    if (event.detail) open?.task?.detail(event.detail);
    if (event.fraction !== undefined) open?.task?.fraction(event.fraction);
    if (event.state === "ready") open?.end.resolve();
  }

  #start(program: string): void {
    const open: { task?: Task; end: Deferred<void> } = { end: deferred() };
    this.#open.set(program, open);
    const estimateSeconds = programs.find(({ name }) => name === program)?.seconds;
    const work = (task: Task) => {
      open.task = task;
      return open.end.promise;
    };
    // The build's failure reaches those who wait for the program; here it only ends the line that is shown.
    this.progress
      .task(`Build ${program}`, work, estimateSeconds === undefined ? {} : { estimateSeconds })
      .catch(() => undefined);
  }

  end(error: Error | undefined): void {
    for (const { end } of this.#open.values()) {
      if (error) end.reject(error);
      else end.resolve();
    }
  }
}
