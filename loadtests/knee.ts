import type { Plan } from "./plan";
import type { Step } from "./steps";

/** Where a service under ever more load stops keeping its objectives. */
export interface Knee {
  /** The last step before it; nothing, where the first was too much already. */
  readonly kept?: Step;
  /** The first step that was too much; nothing, where none was. */
  readonly lost?: Step;
  /** What was lost in that step, a line each. */
  readonly reasons: readonly string[];
}

/** Less than this share of what was due, and the service no longer follows. */
export const LEAST_FOLLOWED = 0.95;

/**
 * The knee is the first load step in which, in any scenario, P95 or the share of errors is beyond its objective, or fewer than 95 % of the
 * due iterations ended. A step in which nothing was measured although something was due counts as lost, too.
 */
export function kneeOf(plan: Plan, steps: readonly Step[]): Knee {
  for (const [index, step] of steps.entries()) {
    const reasons = Object.keys(step.scenarios).flatMap((scenario) => problems(plan, step, scenario));
    if (reasons.length === 0) continue;
    const kept = steps[index - 1];
    return { ...(kept && { kept }), lost: step, reasons };
  }
  const kept = steps.at(-1);
  return { ...(kept && { kept }), reasons: [] };
}

/** Iterations a second that were due in a step, over all scenarios. */
export const loadOf = ({ from, to, scenarios }: Step): number =>
  Object.values(scenarios).reduce((sum, { due }) => sum + due, 0) / (to - from);

function problems(plan: Plan, step: Step, scenario: string): string[] {
  const span = step.scenarios[scenario];
  if (span === undefined || span.due < 1) return [];
  const found: string[] = [];
  const { requests, failed, done, due, p95 } = span;
  const p95Limit = limitOf(plan, scenario, "http_req_duration", /^p\(95\)</);
  if (p95 !== undefined && p95Limit !== undefined && p95 >= p95Limit)
    found.push(`${scenario}: P95 ${short(p95)} ms, its objective is below ${p95Limit} ms`);
  const errors = requests > 0 ? failed / requests : undefined;
  const errorLimit = limitOf(plan, scenario, "http_req_failed", /^rate</);
  if (errors !== undefined && errorLimit !== undefined && errors >= errorLimit)
    found.push(`${scenario}: ${short(errors * 100)} % errors, its objective is below ${short(errorLimit * 100)} %`);
  // Iterations that begin at the end of a step end in the next one.
  if (done + 1 < due * LEAST_FOLLOWED)
    found.push(`${scenario}: ${done} of ${Math.round(due)} due iterations ended (${short((done / due) * 100)} %)`);
  return found;
}

/** The strictest of the scenario's thresholds of that form. */
function limitOf(plan: Plan, scenario: string, metric: string, form: RegExp): number | undefined {
  const limits = plan.thresholds
    .filter((each) => each.scenario === scenario && each.metric.startsWith(`${metric}{`) && form.test(each.expression))
    .map(({ expression }) => Number(expression.split("<")[1]));
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

const short = (value: number): string => String(Number(value.toPrecision(3)));
