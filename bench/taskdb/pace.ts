import { setTimeout as delay } from "node:timers/promises";
import { quantile as quantileOf } from "../../chaos/probes/sampler";

export interface Pace {
  /** Clients at once; each waits for its answer before it asks again. */
  readonly clients: number;
  /** Requests a second of all of them. */
  readonly rate: number;
}

/**
 * Requests at a fixed rate until the time is over. A latency is counted from when the request was due, so one that had to wait for
 * its client counts its wait. Milliseconds, in no order.
 */
export async function paced(
  { clients, rate }: Pace,
  seconds: number,
  request: (turn: number) => Promise<unknown>,
): Promise<number[]> {
  const started = performance.now();
  const gap = 1000 / rate;
  const latencies: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    for (;;) {
      const turn = next++;
      const due = started + turn * gap;
      if (due > started + seconds * 1000) return;
      const early = due - performance.now();
      if (early > 0) await delay(early);
      await request(turn);
      latencies.push(performance.now() - due);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  return latencies;
}

/** @param share of the values that are not above it: 0.95 */
export function quantile(values: readonly number[], share: number): number {
  const found = quantileOf(values, share);
  if (found === undefined) throw new Error("nothing was measured");
  return found;
}
