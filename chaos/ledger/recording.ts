import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/** Pause between two looks for an acknowledgement, ms. */
const pause = 10;

/** What became of each write, and when. Moments are those of `performance.now()`. */
export class Recording {
  readonly ledger = { acknowledged: [] as number[], failed: [] as number[], indeterminate: [] as number[] };
  readonly #acknowledged: number[] = [];
  readonly #missed: number[] = [];

  acknowledged(id: number): void {
    this.ledger.acknowledged.push(id);
    this.#acknowledged.push(performance.now());
  }

  failed(id: number): void {
    this.ledger.failed.push(id);
    this.missed();
  }

  indeterminate(id: number): void {
    this.ledger.indeterminate.push(id);
    this.missed();
  }

  /** Nothing could even be sent. */
  missed(): void {
    this.#missed.push(performance.now());
  }

  /** Waits for an acknowledgement later than a moment. */
  async acknowledgedAfter(moment: number, timeoutSeconds: number): Promise<void> {
    const deadline = performance.now() + timeoutSeconds * 1000;
    while ((this.#acknowledged.at(-1) ?? 0) <= moment) {
      if (performance.now() > deadline) throw new Error(`no write was acknowledged within ${timeoutSeconds} s`);
      await delay(pause);
    }
  }

  /** The longest pause between two acknowledgements since a moment, in seconds; the last one before it included. */
  longestGapSince(moment: number): number {
    const first = this.#acknowledged.findLastIndex((time) => time <= moment);
    const window = this.#acknowledged.slice(Math.max(first, 0));
    return Math.max(0, ...window.slice(1).map((time, index) => time - (window[index] ?? time))) / 1000;
  }

  /** Seconds from a moment to the first and to the last write after it that was not acknowledged. */
  errorsSince(moment: number): { readonly first?: number; readonly last?: number } {
    const after = this.#missed.filter((time) => time >= moment).map((time) => (time - moment) / 1000);
    const [first, last] = [after[0], after.at(-1)];
    return { ...(first !== undefined && { first }), ...(last !== undefined && { last }) };
  }
}
