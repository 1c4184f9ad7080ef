import type { Plan, PlannedThreshold } from "./plan";

/** k6's exit codes that mean something here. */
export const k6Exit = { thresholds: 99, exception: 107, aborted: 108 } as const;

/** What k6 hands over at the end of a run. */
export interface Summary {
  readonly metrics: Readonly<
    Record<string, { readonly type: string; readonly values: Readonly<Record<string, number>> } | undefined>
  >;
}

export interface Judged extends Omit<PlannedThreshold, "objective" | "requirement"> {
  readonly objective?: string;
  readonly requirement?: string;
  /** Nothing, where no sample was taken. */
  readonly value?: number;
  readonly limit: number;
  /** What is left to the limit, as a share of it; below 0 it is missed. */
  readonly margin?: number;
  /** Without data nobody knows: that is no pass. */
  readonly state: "ok" | "failed" | "unknown";
}

/** Share of the iterations that were due and must have been sent, or the load was not the one that was asked for. */
const LEAST_SENT = 0.99;

/** Each threshold against the summary. */
export function judge(plan: Plan, summary: Summary): Judged[] {
  const thresholds = plan.thresholds.map((threshold) => judged(threshold, summary));
  if (plan.judge === "limit") return thresholds;
  const sent = Object.keys(plan.due).map((scenario): Judged => {
    const metric = `iterations{scenario:${scenario}}`;
    const done = summary.metrics[metric]?.values["count"] ?? 0;
    const dropped = summary.metrics[`dropped_iterations{scenario:${scenario}}`]?.values["count"] ?? 0;
    const expression = `sent>=${LEAST_SENT}`;
    if (done + dropped === 0) return { scenario, metric, expression, limit: LEAST_SENT, state: "unknown" };
    return compared({ scenario, metric, expression }, done / (done + dropped), ">=", LEAST_SENT);
  });
  return [...thresholds, ...sent];
}

/** The exit code of a run: k6's own, or that of a missed threshold where k6 took no data for a pass. */
export function exitOf(k6: number, results: readonly Judged[]): number {
  if (k6 !== 0) return k6;
  return results.some(({ state }) => state !== "ok") ? k6Exit.thresholds : 0;
}

function judged(threshold: PlannedThreshold, { metrics }: Summary): Judged {
  const [, statistic, comparison, bound] =
    /^([a-z]+(?:\([\d.]+\))?)(<=|>=|<|>)([\d.]+)$/.exec(threshold.expression) ?? [];
  if (statistic === undefined || comparison === undefined)
    throw new Error(`${threshold.metric}: ${threshold.expression} is not a threshold such as p(95)<200 or rate<0.01`);
  const limit = Number(bound);
  const values = metrics[threshold.metric]?.values;
  const samples = values && ("count" in values ? values["count"] : (values["passes"] ?? 0) + (values["fails"] ?? 0));
  const value = values?.[statistic];
  if (!samples || value === undefined) return { ...threshold, limit, state: "unknown" };
  return compared(threshold, value, comparison, limit);
}

function compared<T extends { scenario: string; metric: string; expression: string }>(
  threshold: T,
  value: number,
  comparison: string,
  limit: number,
): T & Pick<Judged, "value" | "limit" | "margin" | "state"> {
  const low = comparison.startsWith("<");
  const holds = { "<": value < limit, ">": value > limit, "<=": value <= limit, ">=": value >= limit }[comparison];
  const margin = (low ? limit - value : value - limit) / limit || 0;
  return { ...threshold, value, limit, margin, state: holds ? "ok" : "failed" };
}
