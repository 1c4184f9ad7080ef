/** Nothing new may start: something has failed, or the user has interrupted. Never shown. */
export class Stopped extends Error {
  constructor() {
    super("the deployment is stopping");
    this.name = "Stopped";
  }
}

/** Whether the deployment goes on. */
export class Gate {
  private why: "failed" | "canceled" | undefined;
  private readonly listeners: (() => void)[] = [];

  constructor(signal?: AbortSignal) {
    if (signal?.aborted === true) this.why = "canceled";
    signal?.addEventListener("abort", () => this.stop("canceled"), { once: true });
  }

  get reason(): "failed" | "canceled" | undefined {
    return this.why;
  }

  stop(why: "failed" | "canceled"): void {
    if (this.why !== undefined) return;
    this.why = why;
    for (const listener of this.listeners) listener();
  }

  /** Calls `listener` once, when the deployment stops. */
  onStop(listener: () => void): void {
    if (this.why === undefined) this.listeners.push(listener);
    else listener();
  }

  /** @throws {Stopped} */
  check(): void {
    if (this.why !== undefined) throw new Stopped();
  }
}
