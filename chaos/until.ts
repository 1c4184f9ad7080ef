import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

/** Pause between two looks, ms. */
const pause = 200;

/**
 * Waits for a condition.
 *
 * @throws with what `otherwise` says when it has not come in time, or the signal has
 */
export async function until(
  condition: () => Promise<boolean>,
  options: { readonly seconds: number; readonly signal: AbortSignal; readonly otherwise: () => string },
): Promise<void> {
  const deadline = performance.now() + options.seconds * 1000;
  while (!(await condition())) {
    options.signal.throwIfAborted();
    if (performance.now() > deadline) throw new Error(`${options.otherwise()} after ${options.seconds} s`);
    await delay(pause);
  }
}
