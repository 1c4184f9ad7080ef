import { rules } from "../baseline/rules";
import type { Baseline } from "../baseline/baseline";
import type { Compared } from "../baseline/compare";
import { kneeOf, loadOf } from "../knee";
import type { MetricName } from "../measured";
import type { Plan } from "../plan";
import type { RunRecord } from "../record";
import { lengthOf, spanOf, type Interval, type RunSeries } from "../series/series";
import { stepsOf, type Step } from "../steps";
import type { Judged } from "../verdict";
import { lineChart, type Series } from "./chart";
import { markup, type Part } from "./html";
import { badge, facts, page, tableOf, type Section } from "./page";

/** All that a run's report is made of. */
export interface ReportedRun {
  readonly record: RunRecord;
  readonly plan: Plan;
  /**
   * What happened over time.
   * @default none: the report says so
   */
  readonly series?: RunSeries;
  /**
   * The baseline that it is held against.
   * @default none: the report says so
   */
  readonly against?: { readonly baseline: Baseline; readonly compared: readonly Compared[] };
  /**
   * What k6 said was wrong.
   * @default []
   */
  readonly errors?: readonly string[];
}

/** The whole report of a run, one document that needs nothing beside it. */
export function renderRunReport(run: ReportedRun): string {
  const { record, plan, series, errors = [] } = run;
  return page(`Load ${record.profile} of ${record.stack}: ${record.run}`, [
    { title: "Result", body: circumstances(record) },
    { title: "Objectives", body: objectives(record) },
    { title: "Against the baseline", body: baseline(run) },
    ...(plan.judge === "limit" ? [{ title: "Knee", body: knee(plan, series) }] : []),
    { title: "Over time", body: series ? charts(plan, series) : markup`<p>${badge("open", "no data")}</p>` },
    ...(errors.length > 0 ? [{ title: "What k6 said", body: errors.map((line) => markup`<p>${line}</p>`) }] : []),
    ...images(record),
  ]);
}

/** The parts that another report may want to show of a run, such as that of a GameDay. */
export const objectives = ({ results }: Pick<RunRecord, "results">): Part =>
  tableOf(
    ["scenario", "threshold", "value", "margin", "state", "objective"],
    results.map((result) => [
      result.scenario,
      `${result.metric.split("{")[0] ?? ""} ${result.expression}`,
      result.value === undefined ? "no data" : short(result.value),
      result.margin === undefined ? "" : `${Math.round(result.margin * 100)} %`,
      stateOf(result),
      result.objective && `${result.objective}${result.requirement === undefined ? "" : ` (${result.requirement})`}`,
    ]),
  );

const stateOf = ({ state }: Judged): Part =>
  badge(state === "ok" ? "good" : state === "failed" ? "bad" : "open", state);

function circumstances(record: RunRecord): Part {
  const verdict = record.interrupted
    ? badge("open", "interrupted")
    : record.code === 0
      ? badge("good", "kept")
      : badge("bad", `not kept (${record.code})`);
  return facts([
    ["verdict", verdict],
    ["stack", `${record.stack} (environment ${record.environment})`],
    ["profile", record.durationScale === 1 ? record.profile : `${record.profile}, lengths × ${record.durationScale}`],
    ["from", record.started],
    ["to", record.ended],
    ["commit", record.commit],
    ["sent by", `k6 ${record.k6}, seed ${record.seed}, on ${record.machine}`],
  ]);
}

function baseline({ against, record }: ReportedRun): Part {
  if (against === undefined) {
    const command = `ballast load baseline set --profile ${record.profile}`;
    return markup`<p>None was chosen. Of ${rules.leastRepeats} runs or more, one is made by <code>${command}</code>.</p>`;
  }
  const { baseline: chosen, compared } = against;
  const kinds = { ok: "good", better: "good", worse: "bad", unknown: "open" } as const;
  return [
    markup`<p>Median of ${chosen.runs.length} runs at ${chosen.commit}, the last on ${chosen.ended}, on ${chosen.machine}.
A change counts beyond ${rules.noiseFactor} times their spread.</p>`,
    tableOf(
      ["scenario", "metric", "baseline", "spread", "now", "change", "allowed", "state"],
      compared.map(({ scenario, metric, was, spread, allowed, is, state }) => [
        scenario,
        metric,
        measure(metric, was),
        measure(metric, spread),
        is === undefined ? "no data" : measure(metric, is),
        is === undefined ? "" : `${is >= was ? "+" : ""}${measure(metric, is - was)}`,
        measure(metric, allowed),
        badge(kinds[state], state),
      ]),
    ),
  ];
}

/** A value of a metric with its unit; shares as a percentage. */
export function measure(metric: MetricName, value: number): string {
  const { unit } = rules.metrics[metric];
  return `${short(unit === "%" ? value * 100 : value)} ${unit}`;
}

function knee(plan: Plan, series: RunSeries | undefined): Part {
  const steps = series ? stepsOf(plan, series) : [];
  if (steps.length === 0) return markup`<p>${badge("open", "unknown")}: no load step was measured to its end.</p>`;
  const { kept, lost, reasons } = kneeOf(plan, steps);
  const at = (step: Step) => `${short(loadOf(step))} iterations/s (${step.from} to ${step.to} s)`;
  return [
    facts([
      ["the last load that was kept", kept ? at(kept) : "none of those that were tried"],
      ["the first that was not", lost ? at(lost) : "none of those that were tried"],
    ]),
    markup`<ul>${reasons.map((reason) => markup`<li>${reason}</li>`)}</ul>`,
    tableOf(
      ["step", "due/s", "done/s", "highest P95", "errors", "dropped"],
      steps.map((step) => {
        const spans = Object.values(step.scenarios);
        const sum = (key: "done" | "dropped" | "failed" | "requests") =>
          spans.reduce((total, span) => total + span[key], 0);
        const p95 = Math.max(...spans.map((span) => span.p95 ?? 0));
        return [
          `${step.from} to ${step.to} s`,
          short(loadOf(step)),
          short(sum("done") / (step.to - step.from)),
          sum("requests") === 0 ? "no data" : `${short(p95)} ms`,
          sum("requests") === 0 ? "no data" : `${short((100 * sum("failed")) / sum("requests"))} %`,
          sum("dropped"),
        ];
      }),
    ),
  ];
}

/** Of all scenarios, and of each. */
export function charts(plan: Plan, series: RunSeries): Part {
  const names = Object.keys(plan.options.scenarios);
  const all = Object.values(series.scenarios).flat();
  const line = (
    name: string,
    own: readonly Interval[],
    value: (span: ReturnType<typeof spanOf>) => number | undefined,
  ) => lineOf(series, name, own, value);
  const rates = (own: readonly Interval[]): Series[] => [
    line("done", own, ({ done }) => done / series.intervalSeconds),
    line("failed", own, ({ failed }) => failed / series.intervalSeconds),
    line("due, not begun", own, ({ dropped }) => dropped / series.intervalSeconds),
  ];
  const latency = (title: string, own: readonly Interval[], limit?: number) =>
    lineChart({
      title,
      unit: "ms",
      series: [line("median", own, ({ median }) => median), line("P95", own, ({ p95 }) => p95)],
      ...(limit !== undefined && { limit: { name: `P95 < ${limit} ms`, value: limit } }),
    });
  return [
    lineChart({ title: "Rate, all scenarios", unit: "per second", series: rates(all) }),
    lineChart({
      title: "Errors, all scenarios",
      unit: "% of requests",
      series: [line("errors", all, ({ failed, requests }) => (requests > 0 ? (100 * failed) / requests : undefined))],
    }),
    latency("Latency, all scenarios", all),
    names.map((name) => latency(`Latency of ${name}`, series.scenarios[name] ?? [], p95Limit(plan, name))),
  ];
}

function lineOf(
  series: RunSeries,
  name: string,
  own: readonly Interval[],
  value: (span: ReturnType<typeof spanOf>) => number | undefined,
): Series {
  const byInterval = new Map<number, Interval[]>();
  for (const interval of own) {
    const same = byInterval.get(interval.at);
    if (same) same.push(interval);
    else byInterval.set(interval.at, [interval]);
  }
  const points = Array.from({ length: lengthOf(series) }, (_, at) => ({
    x: at * series.intervalSeconds,
    y: value(spanOf(byInterval.get(at) ?? [])),
  }));
  return { name, points };
}

function p95Limit({ thresholds }: Plan, scenario: string): number | undefined {
  const limits = thresholds.flatMap((each) =>
    each.scenario === scenario && each.expression.startsWith("p(95)<") ? [Number(each.expression.slice(6))] : [],
  );
  return limits.length > 0 ? Math.min(...limits) : undefined;
}

function images({ images: found }: RunRecord): Section[] {
  if (found === undefined) return [];
  const rows = found.map(({ namespace, container, image, digest }) => [namespace, container, image, digest]);
  return [{ title: "What was under load", body: tableOf(["namespace", "container", "image", "digest"], rows) }];
}

const short = (value: number): string => String(Number(value.toPrecision(3)));
