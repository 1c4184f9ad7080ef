import { merged, quantile } from "../series/histogram";
import type { RunSeries } from "../series/series";
import type { Summary } from "../verdict";

type Metric = NonNullable<Summary["metrics"][string]>;
type Values = Readonly<Record<string, number>>;

/** Share of the requests that may be in a shard's count and not among the samples, or quantiles say nothing. */
const MOST_LOST = 0.01;

export interface Merged {
  readonly summary: Summary;
  /** Scenarios whose samples did not all arrive: they have no quantiles. */
  readonly incomplete: readonly string[];
}

/**
 * The summary that one sender of the whole load would have given: counts are added, averages weighed. Quantiles of shards cannot be put
 * together, so those of a scenario's requests come from the buckets of all samples, and no others are given.
 */
export function mergeSummaries(summaries: readonly Summary[], series: RunSeries | undefined): Merged {
  const names = [...new Set(summaries.flatMap(({ metrics }) => Object.keys(metrics)))].sort();
  const incomplete: string[] = [];
  const metrics = names.map((name): [string, Metric] => {
    const all = summaries.flatMap(({ metrics }) => metrics[name] ?? []);
    const type = all[0]?.type ?? "";
    const values = all.map((metric) => metric.values);
    if (type !== "trend") return [name, { type, values: type === "rate" ? rate(values) : plain(type, values) }];
    const trend = averages(values);
    const [, scenario] = /^http_req_duration\{scenario:([^,}]+)\}$/.exec(name) ?? [];
    if (scenario === undefined) return [name, { type, values: trend }];
    const durations = merged((series?.scenarios[scenario] ?? []).map((interval) => interval.durations));
    const counted = [...durations.values()].reduce((sum, count) => sum + count, 0);
    const count = trend["count"] ?? 0;
    if (Math.abs(counted - count) > count * MOST_LOST) {
      incomplete.push(scenario);
      return [name, { type, values: trend }];
    }
    return [name, { type, values: { ...trend, ...quantiles(Object.keys(values[0] ?? {}), durations) } }];
  });
  return { summary: { metrics: Object.fromEntries(metrics) }, incomplete };
}

const total = (values: readonly Values[], key: string): number =>
  values.reduce((sum, each) => sum + (each[key] ?? 0), 0);

function rate(values: readonly Values[]): Values {
  const [passes, fails] = [total(values, "passes"), total(values, "fails")];
  return { passes, fails, rate: passes + fails === 0 ? 0 : passes / (passes + fails) };
}

/** Users are a gauge: those of all shards are there at once. */
function plain(type: string, values: readonly Values[]): Values {
  const keys = type === "counter" ? ["count", "rate"] : [...new Set(values.flatMap((each) => Object.keys(each)))];
  return Object.fromEntries(keys.map((key) => [key, total(values, key)]));
}

/** All of a trend but its quantiles. A shard without samples has zeros for them all. */
function averages(values: readonly Values[]): Values {
  const measured = values.filter((each) => (each["count"] ?? 0) > 0);
  const count = total(measured, "count");
  if (count === 0) return { count };
  const weighed = measured.reduce((sum, each) => sum + (each["avg"] ?? 0) * (each["count"] ?? 0), 0);
  const every = (key: string) => measured.map((each) => each[key] ?? 0);
  return { count, avg: weighed / count, min: Math.min(...every("min")), max: Math.max(...every("max")) };
}

/** Those that k6 was asked for: `med`, `p(95)`. */
function quantiles(names: readonly string[], durations: ReadonlyMap<number, number>): Values {
  const found = names.flatMap((name): [string, number][] => {
    const [, percent] = name === "med" ? [name, "50"] : (/^p\(([\d.]+)\)$/.exec(name) ?? []);
    const value = percent === undefined ? undefined : quantile(new Map(durations), Number(percent) / 100);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(found);
}
