/**
 * Counts by size, in buckets each 2 % wider than the one before: any two can be put together, and a quantile of the whole is as exact as
 * one of the parts. Quantiles themselves can not be put together.
 */
export type Histogram = Map<number, number>;

const GROWTH = 1.02;
/** By how much a quantile may be off, as a share of it. */
export const QUANTILE_ERROR = GROWTH - 1;
/** Microseconds; k6 measures in them, and what took no time at all has no logarithm. */
const LEAST_MS = 0.001;

const bucketOf = (ms: number): number => Math.floor(Math.log(Math.max(ms, LEAST_MS)) / Math.log(GROWTH));
/** The bucket's middle. */
const valueOf = (bucket: number): number => GROWTH ** (bucket + 0.5);

export function count(histogram: Histogram, ms: number): void {
  const bucket = bucketOf(ms);
  histogram.set(bucket, (histogram.get(bucket) ?? 0) + 1);
}

export function merged(histograms: Iterable<Iterable<readonly [bucket: number, count: number]>>): Histogram {
  const all: Histogram = new Map();
  for (const one of histograms) for (const [bucket, more] of one) all.set(bucket, (all.get(bucket) ?? 0) + more);
  return all;
}

/** Milliseconds below which that share lies; nothing, where nothing was counted. */
export function quantile(histogram: Histogram, share: number): number | undefined {
  const buckets = [...histogram].sort(([left], [right]) => left - right);
  const total = buckets.reduce((sum, [, more]) => sum + more, 0);
  let seen = 0;
  for (const [bucket, more] of buckets) {
    seen += more;
    if (seen >= share * total) return valueOf(bucket);
  }
  return undefined;
}
