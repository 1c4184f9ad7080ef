import { type Interval, lengthOf, type RunSeries, type Span, spanOf } from "../../../loadtests/series/series";
import type { ExperimentRun } from "../day";
import type { RecordedDay } from "../folder";

/** The load of a day: over its time, and within each experiment's. */
export class DayLoad {
  readonly #at = new Map<number, Interval[]>();

  constructor(private readonly series: RunSeries) {
    for (const intervals of Object.values(series.scenarios))
      for (const interval of intervals) this.#at.set(interval.at, [...(this.#at.get(interval.at) ?? []), interval]);
  }

  static of({ series }: RecordedDay): DayLoad | undefined {
    return series && new DayLoad(series);
  }

  /** Seconds since the load began. */
  since(moment: string): number {
    return Date.parse(moment) / 1000 - this.series.started;
  }

  /** All scenarios together, interval by interval; those in which nothing happened among them. */
  overTime(): { readonly from: number; readonly span: Span }[] {
    return Array.from({ length: lengthOf(this.series) }, (_, at) => ({
      from: at * this.series.intervalSeconds,
      span: spanOf(this.#at.get(at) ?? []),
    }));
  }

  /** From a moment to another, in seconds since the load began. */
  between(from: number, to: number): Span {
    const { intervalSeconds } = this.series;
    const first = Math.floor(from / intervalSeconds);
    const last = Math.floor(to / intervalSeconds);
    return spanOf([...this.#at].flatMap(([at, intervals]) => (at >= first && at <= last ? intervals : [])));
  }

  during({ started, ended }: ExperimentRun): Span | undefined {
    return started === undefined || ended === undefined
      ? undefined
      : this.between(this.since(started), this.since(ended));
  }

  get seconds(): number {
    return lengthOf(this.series) * this.series.intervalSeconds;
  }

  get intervalSeconds(): number {
    return this.series.intervalSeconds;
  }
}
