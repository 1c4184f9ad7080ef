import type { Environment } from "../config/schema";
import { failureBudget, minutes, objectivesOf, sloTable, type Objective, type Series, type SloTable } from "./table";

/** A rule of Prometheus: recorded or alerting. */
export type Rule =
  | { readonly record: string; readonly expr: string; readonly labels: Readonly<Record<string, string>> }
  | {
      readonly alert: string;
      readonly expr: string;
      readonly for: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<"summary" | "description" | "runbook_url", string>>;
    };

export interface RuleGroup {
  readonly name: string;
  readonly interval: string;
  readonly rules: readonly Rule[];
}

/** `spec` of a PrometheusRule. */
export interface PrometheusRuleSpec {
  readonly groups: readonly RuleGroup[];
}

/** Where the runbooks are read. */
export const runbooks = "https://github.com/ballast-platform/ballast/blob/main/docs/runbooks";

/** Windows up to this length are looked at more often: a page depends on them. */
const SHORT_MINUTES = 60;

/**
 * Alerts on how fast a service uses up its error budgets, each over a long window and, so that it ends when the trouble does, a short one.
 *
 * @throws Error when nothing measures the service
 */
export function sloRules(service: string, environment: Environment, table: SloTable = sloTable()): PrometheusRuleSpec {
  const budgeted = objectivesOf(service, environment, table).flatMap((objective) => budgetOf(objective));
  const series = table.services[service]?.series;
  if (series === undefined)
    throw new Error(`${service} has no series in infra/slos/slos.json, so nothing can be said about its budgets`);
  const windows = [...new Set(table.burnRates.flatMap(({ long, short }) => [short, long]))].sort(
    (a, b) => minutes(a) - minutes(b),
  );
  const records = (chosen: readonly string[]) =>
    chosen.flatMap((window) =>
      budgeted.map(({ objective }): Rule => ({
        record: recordName(window),
        expr: failedShare(objective, series, window),
        labels: labelsOf(objective),
      })),
    );
  return {
    groups: [
      {
        name: `slo-${service}-short`,
        interval: "30s",
        rules: [
          ...records(windows.filter((window) => minutes(window) <= SHORT_MINUTES)),
          ...budgeted.map(({ objective, budget }): Rule => ({
            record: "slo:error_budget:ratio",
            expr: `vector(${budget})`,
            labels: labelsOf(objective),
          })),
        ],
      },
      {
        name: `slo-${service}-long`,
        interval: "2m",
        rules: records(windows.filter((window) => minutes(window) > SHORT_MINUTES)),
      },
      {
        name: `slo-${service}-alerts`,
        interval: "30s",
        rules: budgeted.flatMap((each) => [
          ...table.burnRates.map((rate) => burnAlert(each, rate)),
          unmeasuredAlert(each.objective),
        ]),
      },
    ],
  };
}

interface Budgeted {
  readonly objective: Objective;
  /** Share of requests that may miss the objective. */
  readonly budget: number;
}

function budgetOf(objective: Objective): Budgeted[] {
  const { indicator, value } = objective;
  if (indicator.kind === "availability") return [{ objective, budget: failureBudget(value) }];
  if (indicator.kind === "latency") return [{ objective, budget: Number((1 - indicator.quantile).toPrecision(9)) }];
  return [];
}

const recordName = (window: string): string => `slo:failed_requests:ratio_rate${window}`;
const labelsOf = ({ service, name }: Objective): Record<string, string> => ({ service, slo: name });
const recorded = (objective: Objective, window: string): string =>
  `${recordName(window)}{service="${objective.service}",slo="${objective.name}"}`;

/** Share of requests over the window that missed the objective; no value while there are no requests. */
function failedShare({ indicator, value }: Objective, series: Series, window: string): string {
  const operation = indicator.kind === "latency" ? indicator.operation : undefined;
  const matchers = [series.selector, ...(operation === undefined ? [] : [series.operations[operation] ?? ""])].join(
    ",",
  );
  const rate = (suffix: string, further = "") =>
    `sum(rate(${series.histogram}_${suffix}{${matchers}${further}}[${window}]))`;
  if (indicator.kind === "latency") {
    const seconds = value / 1000;
    // A whole number is written with or without its decimal.
    const le = Number.isInteger(seconds) ? `le=~"${seconds}(\\\\.0)?"` : `le="${seconds}"`;
    return `1 - ${rate("bucket", `,${le}`)} / ${rate("count")}`;
  }
  // Before the first fault there is no series of faults.
  return `(${rate("count", `,${series.statusLabel}=~"5.."`)} or vector(0)) / ${rate("count")}`;
}

function burnAlert({ objective, budget }: Budgeted, rate: SloTable["burnRates"][number]): Rule {
  const { service, name, owner } = objective;
  const most = Number((rate.factor * budget).toPrecision(6));
  return {
    alert: `${camel(service)}${camel(name)}BudgetBurn`,
    expr: `${recorded(objective, rate.long)} > ${most} and ${recorded(objective, rate.short)} > ${most}`,
    for: rate.for,
    labels: { ...labelsOf(objective), severity: rate.severity, owner, window: rate.long },
    annotations: {
      summary: `${service} uses up its budget of ${name} ${rate.factor} times as fast as it may`,
      description: `${promise(objective)}. Over ${rate.long}, {{ $value | humanizePercentage }} of the requests missed that; more than ${percent(most)} over ${rate.long} and over ${rate.short} calls for somebody.`,
      runbook_url: `${runbooks}/slo-burn.md`,
    },
  };
}

/** An objective without data is not kept: nobody knows. */
function unmeasuredAlert(objective: Objective): Rule {
  const { service, name, owner } = objective;
  return {
    alert: `${camel(service)}${camel(name)}Unmeasured`,
    expr: `absent(${recorded(objective, "5m")})`,
    for: "15m",
    labels: { ...labelsOf(objective), severity: "warning", owner },
    annotations: {
      summary: `nothing measures ${name} of ${service}`,
      description: `${promise(objective)}, but for 15 minutes no series has told whether that holds.`,
      runbook_url: `${runbooks}/slo-burn.md#nothing-measures-it`,
    },
  };
}

/** In words, as people are told it. */
export function promise({ indicator, value, unit, good, window }: Objective): string {
  if (indicator.kind === "availability") return `${value} % of requests are answered without a fault over ${window}`;
  if (indicator.kind === "latency") {
    const of = indicator.operation === undefined ? "requests" : `requests of ${indicator.operation}`;
    return `${percent(indicator.quantile)} of ${of} are answered within ${value} ms over ${window}`;
  }
  return `${indicator.kind} ${good} ${value} ${unit}`;
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(6))} %`;
const camel = (text: string): string =>
  text.replaceAll(/(^|-)([a-z0-9])/g, (_, _dash, first: string) => first.toUpperCase());

/** Bounds in seconds that a service's histogram must have for its latency objectives to be counted, in every environment. */
export function latencyBuckets(service: string, table: SloTable = sloTable()): number[] {
  const rows = table.objectives.filter(
    ({ services, indicator }) => indicator.kind === "latency" && services.includes(service),
  );
  const values = rows.flatMap(({ targets }) => Object.values(targets).map(({ value }) => value / 1000));
  return [...new Set(values)].sort((a, b) => a - b);
}
