import type { Plan } from "./plan";
import { spanOf, type RunSeries, type Span } from "./series/series";

/** A stretch of a run under one load. */
export interface Step {
  /** Seconds since the beginning. */
  readonly from: number;
  readonly to: number;
  readonly scenarios: Readonly<Record<string, Span & { readonly due: number }>>;
}

/** Of a load that grows all the time, so many stretches are looked at. */
const STRETCHES = 30;
type Stage = { readonly from: number; readonly to: number; readonly start: number; readonly end: number };

/** The stages of the plan that hold their load; where it never does, equal stretches of the whole. */
function stretches(plan: Plan): { from: number; to: number }[] {
  const [first] = Object.values(plan.options.scenarios);
  if (first === undefined) return [];
  const held = stagesOf(first).filter(({ start, end }) => start === end);
  if (held.length > 0) return held.map(({ from, to }) => ({ from, to }));
  return Array.from({ length: STRETCHES }, (_, index) => ({
    from: (plan.seconds * index) / STRETCHES,
    to: (plan.seconds * (index + 1)) / STRETCHES,
  }));
}

type Arrival = Plan["options"]["scenarios"][string];

/** Rates in iterations a second. */
function stagesOf({ startRate, stages, timeUnit }: Arrival): Stage[] {
  const unit = Number.parseInt(timeUnit);
  let [at, rate] = [0, startRate / unit];
  return stages.map(({ duration, target }) => {
    const stage = { from: at, to: at + Number.parseInt(duration) / 1000, start: rate, end: target / unit };
    [at, rate] = [stage.to, stage.end];
    return stage;
  });
}

/** Iterations due in a span of time: the area below the rate. */
function dueIn(arrival: Arrival, from: number, to: number): number {
  return stagesOf(arrival).reduce((sum, stage) => {
    const [left, right] = [Math.max(from, stage.from), Math.min(to, stage.to)];
    if (right <= left) return sum;
    const rateAt = (at: number) =>
      stage.start + ((stage.end - stage.start) * (at - stage.from)) / (stage.to - stage.from);
    return sum + ((rateAt(left) + rateAt(right)) / 2) * (right - left);
  }, 0);
}

/** What each load step of the plan amounted to; steps that the run did not reach the end of are left out. */
export function stepsOf(plan: Plan, series: RunSeries): Step[] {
  const { intervalSeconds, scenarios } = series;
  const measured = Object.values(scenarios).reduce((most, all) => Math.max(most, (all.at(-1)?.at ?? -1) + 1), 0);
  return stretches(plan)
    .map(({ from, to }) => ({ first: Math.ceil(from / intervalSeconds), end: Math.floor(to / intervalSeconds) }))
    .filter(({ first, end }) => end > first && end <= measured)
    .map(({ first, end }) => {
      const [from, to] = [first * intervalSeconds, end * intervalSeconds];
      const spans = Object.entries(plan.options.scenarios).map(([name, arrival]) => {
        const own = (scenarios[name] ?? []).filter(({ at }) => at >= first && at < end);
        return [name, { ...spanOf(own), due: dueIn(arrival, from, to) }] as const;
      });
      return { from, to, scenarios: Object.fromEntries(spans) };
    });
}
