import { merged, quantile, type Histogram } from "./histogram";

/** What happened in one interval of one scenario. */
export interface Interval {
  /** Number of the interval, from 0. */
  readonly at: number;
  readonly requests: number;
  readonly failed: number;
  /** Iterations that ended. */
  readonly done: number;
  /** Iterations that were due and were not begun. */
  readonly dropped: number;
  /** Durations of requests, as buckets of a histogram. */
  readonly durations: readonly (readonly [bucket: number, count: number])[];
}

/** A run over time: all that charts and the search for the knee need, and never more than some hundred intervals a scenario. */
export interface RunSeries {
  readonly intervalSeconds: number;
  /** Seconds since 1970 of interval 0. */
  readonly started: number;
  /** Only intervals in which something happened, in order. */
  readonly scenarios: Readonly<Record<string, readonly Interval[]>>;
}

/** What a span of time amounts to. */
export interface Span {
  readonly requests: number;
  readonly failed: number;
  readonly done: number;
  readonly dropped: number;
  /** Milliseconds; nothing, where there was no request. */
  readonly median: number | undefined;
  readonly p95: number | undefined;
}

const MOST_INTERVALS = 600;

/** Whole seconds, so that a long run has no more intervals than a chart has pixels. */
export const intervalFor = (seconds: number): number => Math.max(1, Math.ceil(seconds / MOST_INTERVALS));

export function spanOf(intervals: readonly Interval[]): Span {
  const sum = (key: "requests" | "failed" | "done" | "dropped") =>
    intervals.reduce((total, each) => total + each[key], 0);
  const durations: Histogram = merged(intervals.map((each) => each.durations));
  return {
    requests: sum("requests"),
    failed: sum("failed"),
    done: sum("done"),
    dropped: sum("dropped"),
    median: quantile(durations, 0.5),
    p95: quantile(durations, 0.95),
  };
}

/** Number of intervals, up to the last in which anything happened. */
export const lengthOf = ({ scenarios }: RunSeries): number =>
  Object.values(scenarios).reduce((most, intervals) => Math.max(most, (intervals.at(-1)?.at ?? -1) + 1), 0);
