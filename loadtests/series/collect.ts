import { count, type Histogram } from "./histogram";
import type { Interval, RunSeries } from "./series";

interface Growing {
  requests: number;
  failed: number;
  done: number;
  dropped: number;
  readonly durations: Histogram;
}

const WANTED = /^(?:http_req_duration|iterations|dropped_iterations),/;
const COLUMNS = ["metric_name", "timestamp", "metric_value", "expected_response", "scenario"] as const;

/** What k6 must be told beside `--out csv=-`. */
export const csvEnvironment = { K6_CSV_TIME_FORMAT: "unix_milli" };

/** Adds up k6's own CSV as it is written, line by line, and keeps no sample. */
export class SeriesCollector {
  readonly #scenarios = new Map<string, Map<number, Growing>>();
  #columns: readonly number[] | undefined;
  /** Milliseconds since 1970 of the first sample: the load begins with it, and not with a second of the clock. */
  #begun: number | undefined;
  #first = Infinity;
  #last = -Infinity;

  constructor(private readonly intervalSeconds: number) {}

  /** @throws Error when the first line does not name the columns that are read here */
  line(text: string): void {
    if (this.#columns === undefined) {
      const header = fields(text);
      this.#columns = COLUMNS.map((name) => {
        const column = header.indexOf(name);
        if (column < 0) throw new Error(`k6's CSV has no column ${name}: ${text.slice(0, 200)}`);
        return column;
      });
      return;
    }
    // Ten of eleven lines are other metrics: a look at their beginning costs least.
    if (!WANTED.test(text)) return;
    const all = fields(text);
    const [metric, time, value, expected, scenario] = this.#columns.map((column) => all[column] ?? "");
    // The setup belongs to no scenario.
    if (!scenario) return;
    const interval = this.#interval(scenario, this.#at(Number(time)));
    if (metric === "http_req_duration") {
      interval.requests++;
      if (expected === "false") interval.failed++;
      count(interval.durations, Number(value));
    } else interval[metric === "iterations" ? "done" : "dropped"] += Number(value);
  }

  /** Requests of some scenarios in the last seconds; nothing, before there were so many. */
  recent(seconds: number, scenarios: readonly string[]): { requests: number; failed: number } | undefined {
    const intervals = Math.ceil(seconds / this.intervalSeconds);
    if (this.#last - this.#first + 1 < intervals) return undefined;
    const sum = { requests: 0, failed: 0 };
    for (const name of scenarios) {
      for (let at = this.#last - intervals + 1; at <= this.#last; at++) {
        const interval = this.#scenarios.get(name)?.get(at);
        sum.requests += interval?.requests ?? 0;
        sum.failed += interval?.failed ?? 0;
      }
    }
    return sum;
  }

  /** Nothing, where no scenario has done anything. */
  result(): RunSeries | undefined {
    if (this.#begun === undefined) return undefined;
    const listed = (intervals: Map<number, Growing>): Interval[] =>
      [...intervals]
        .sort(([left], [right]) => left - right)
        .map(([at, { durations, ...counts }]) => ({ at, ...counts, durations: [...durations] }));
    return {
      intervalSeconds: this.intervalSeconds,
      started: this.#begun / 1000,
      scenarios: Object.fromEntries([...this.#scenarios].map(([name, intervals]) => [name, listed(intervals)])),
    };
  }

  #at(milliseconds: number): number {
    this.#begun ??= milliseconds;
    // Samples are written in nearly the order of their times.
    return Math.max(0, Math.floor((milliseconds - this.#begun) / 1000 / this.intervalSeconds));
  }

  #interval(scenario: string, at: number): Growing {
    this.#first = Math.min(this.#first, at);
    this.#last = Math.max(this.#last, at);
    let intervals = this.#scenarios.get(scenario);
    if (intervals === undefined) this.#scenarios.set(scenario, (intervals = new Map<number, Growing>()));
    let interval = intervals.get(at);
    if (interval === undefined)
      intervals.set(
        at,
        (interval = { requests: 0, failed: 0, done: 0, dropped: 0, durations: new Map<number, number>() }),
      );
    return interval;
  }
}

/** Cells of a line of CSV, quoted ones among them. */
function fields(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
  );
}
