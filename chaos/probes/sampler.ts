import { setTimeout as delay } from "node:timers/promises";

interface Sample {
  readonly at: number;
  readonly milliseconds: number;
  readonly failed: boolean;
}

/** Requests a second: enough for a share of the failed to mean something in a window of seconds, and next to nothing for the service. */
const rate = 10;
/** An answer that takes longer is a failure, ms. */
const patience = 5000;
/** Of what is kept, ms: longer than any window. */
const kept = 600_000;

/** A client of the service's own, that asks at a steady rate and keeps how it was answered. */
export class Sampler {
  readonly #samples: Sample[] = [];
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(private readonly url: string) {
    this.#running = this.#run();
  }

  /** Those that were sent in the last so many seconds. */
  within(seconds: number): readonly Sample[] {
    const since = performance.now() - seconds * 1000;
    return this.#samples.filter(({ at }) => at >= since);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const open = new Set<Promise<void>>();
    while (!signal.aborted) {
      // Not one after the other: a slow answer would hide that others fail.
      const asked: Promise<void> = this.#ask().finally(() => open.delete(asked));
      open.add(asked);
      await delay(1000 / rate, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(open);
  }

  async #ask(): Promise<void> {
    const at = performance.now();
    const failed = await answered(this.url, patience).then(
      (status) => status >= 500 || status === 429,
      () => true,
    );
    this.#samples.push({ at, milliseconds: performance.now() - at, failed });
    while ((this.#samples[0]?.at ?? at) < at - kept) this.#samples.shift();
  }
}

/** Status of a GET whose answer was read to its end. */
export async function answered(url: string, milliseconds: number): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(milliseconds) });
  await response.arrayBuffer();
  return response.status;
}

/** The value that no more than a share of the others exceed; undefined of nothing. */
export function quantile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
