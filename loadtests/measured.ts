import type { Summary } from "./verdict";

/** What a scenario amounted to over a whole run, as k6 itself measured it. Nothing, where no sample was taken. */
export interface Measured {
  /** Milliseconds that half of the requests took at most. */
  readonly median?: number;
  /** Milliseconds that 95 % of the requests took at most. */
  readonly p95?: number;
  /** Share of the requests that failed. */
  readonly errors?: number;
  /** Iterations a second. */
  readonly rate?: number;
}

export const metricNames = ["median", "p95", "errors", "rate"] as const;
export type MetricName = (typeof metricNames)[number];

export function measuredOf(scenario: string, seconds: number, { metrics }: Summary): Measured {
  const values = (metric: string) => metrics[`${metric}{scenario:${scenario}}`]?.values ?? {};
  const { count: requests = 0, med: median, "p(95)": p95 } = values("http_req_duration");
  const { passes = 0, fails = 0, rate: errors } = values("http_req_failed");
  const { count: iterations = 0 } = values("iterations");
  return {
    ...(requests > 0 && median !== undefined && p95 !== undefined && { median, p95 }),
    ...(passes + fails > 0 && errors !== undefined && { errors }),
    ...(iterations > 0 && seconds > 0 && { rate: iterations / seconds }),
  };
}
