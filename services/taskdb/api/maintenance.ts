import type { FastifyBaseLogger } from "fastify";
import { setTimeout as sleep } from "node:timers/promises";
import { type TaskStore, Unavailable } from "../store/store";
import type { Metrics } from "./metrics";

/** Of the pause: several processes that were started together do not stay in step. */
const jitter = 0.2;

/** Rounds of upkeep, one at a time, until stopped. */
export class Maintenance {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor(
    private readonly store: Pick<TaskStore, "maintain">,
    private readonly intervalMs: number,
    private readonly metrics: Metrics,
    private readonly log: FastifyBaseLogger,
  ) {
    this.running = this.run();
  }

  /** Resolves once a round that is under way has ended. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    while (!signal.aborted) {
      await this.round();
      const pause = this.intervalMs * (1 + jitter * (2 * Math.random() - 1));
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }

  private async round(): Promise<void> {
    try {
      const done = await this.store.maintain();
      this.metrics.maintained("pass", done.eventsArchived);
      if (Object.values(done).some((count) => count > 0)) this.log.info(done, "upkeep");
    } catch (error) {
      this.metrics.maintained("fail", 0);
      if (error instanceof Unavailable) this.log.warn({ reason: error.message }, "upkeep is put off");
      else this.log.error({ err: error as Error }, "upkeep failed");
    }
  }
}
