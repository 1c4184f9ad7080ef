import { metricNames, type MetricName } from "../measured";
import type { RunRecord } from "../record";
import { otherLoad, type Baseline } from "./baseline";
import { rules } from "./rules";

/** One metric of a scenario beside what it was. */
export interface Compared {
  readonly scenario: string;
  readonly metric: MetricName;
  /** Median of the baseline's repeats. */
  readonly was: number;
  /** From the least to the most of the baseline's repeats. */
  readonly spread: number;
  /** A change for the worse up to here is none. */
  readonly allowed: number;
  /** Nothing, where the run has no data of it. */
  readonly is?: number;
  /** Without data nobody knows: that is no pass. */
  readonly state: "ok" | "better" | "worse" | "unknown";
}

/**
 * Each metric of each scenario against the baseline. A change counts when it is more than twice the spread of the baseline's own repeats and
 * more than the least that rules.json gives.
 *
 * @throws Error when the run is of another load, so that nothing could be said
 */
export function compare(
  baseline: Baseline,
  record: Pick<RunRecord, "run" | "stack" | "profile" | "due" | "shards" | "measured">,
): Compared[] {
  const why = otherLoad(record, baseline);
  if (why !== undefined)
    throw new Error(`the run ${record.run} cannot be held against the baseline of ${baseline.stack}: ${why}`);
  return Object.keys(baseline.due).flatMap((scenario) =>
    metricNames.map((metric): Compared => {
      const values = baseline.runs.map(({ measured }) => measured[scenario]?.[metric] ?? Number.NaN);
      const was = medianOf(values);
      const spread = Math.max(...values) - Math.min(...values);
      const { worse, least, leastShare, leastIterations } = rules.metrics[metric];
      const share = Math.max(leastShare, leastIterations / Math.max(1, baseline.due[scenario] ?? 0));
      const allowed = Math.max(spread * rules.noiseFactor, least, was * share);
      const is = record.measured[scenario]?.[metric];
      const known = { scenario, metric, was, spread, allowed };
      if (is === undefined || !Number.isFinite(was)) return { ...known, state: "unknown" };
      const loss = worse === "higher" ? is - was : was - is;
      return { ...known, is, state: loss > allowed ? "worse" : loss < -allowed ? "better" : "ok" };
    }),
  );
}

/** Whether the run is no worse than the baseline, and known not to be. */
export const holds = (compared: readonly Compared[]): boolean =>
  compared.length > 0 && compared.every(({ state }) => state === "ok" || state === "better");

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  return (upper + (sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN)) / 2;
}
