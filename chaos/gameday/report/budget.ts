import { objectives } from "../../../infra/slos/table";
import { lineChart } from "../../../loadtests/report/chart";
import { markup, type Part } from "../../../loadtests/report/html";
import { badge, facts, tableOf } from "../../../loadtests/report/page";
import { scenarioTable } from "../../../loadtests/table";
import { budgetOf, burnByMinute, burnOf } from "../burn";
import type { GameDay } from "../day";
import type { RecordedDay } from "../folder";
import { rounded } from "./words";

/** The budgets of the services under load: used by the day as a whole, and minute by minute. */
export function budgets({ day, series }: RecordedDay): Part {
  if (!series) return markup`<p class="open">Without a series of the load nothing is known of it.</p>`;
  const services = new Set(
    scenarioTable().scenarios.flatMap(({ name, service }) => (series.scenarios[name] ? [service] : [])),
  );
  const measured = objectives(day.environment).filter(
    ({ service, indicator }) => indicator.kind === "availability" && services.has(service),
  );
  return measured.map(({ id, value, window }) => {
    const budget = budgetOf(id, day.environment);
    const minutes = burnByMinute(series, budget);
    const whole = {
      requests: minutes.reduce((sum, { requests }) => sum + requests, 0),
      failed: minutes.reduce((sum, { failed }) => sum + failed, 0),
    };
    const worst = minutes.reduce((most, { burn = 0 }) => Math.max(most, burn), 0);
    return [
      facts([
        [id, `${value} % over ${window}`],
        ["requests", whole.requests],
        ["failed", `${whole.failed} (${rounded((whole.failed / (whole.requests || 1)) * 100)} %)`],
        ["burn over the day", `${rounded(burnOf(whole, budget) ?? 0)} times the even pace`],
        ["worst minute", `${rounded(worst)} times the even pace`],
      ]),
      lineChart({
        title: `Burn of ${id} by the minute`,
        unit: "times the even pace",
        series: [{ name: id, points: minutes.map(({ from, burn }) => ({ x: from, y: burn })) }],
      }),
    ];
  });
}

/** The load by its thresholds, as `ballast load` judges it. */
export function thresholds({ load }: GameDay): Part {
  if (!load || load.results.length === 0) return markup`<p class="open">Nothing was measured.</p>`;
  return [
    tableOf(
      ["SCENARIO", "THRESHOLD", "VALUE", "MARGIN", "STATE"],
      load.results.map(({ scenario, metric, expression, value, margin, state, requirement }) => [
        scenario,
        `${metric.split("{")[0] ?? metric} ${expression}`,
        value === undefined ? "no data" : rounded(value),
        margin === undefined ? undefined : `${Math.round(margin * 100)} %`,
        [
          badge(state === "ok" ? "good" : state === "failed" ? "bad" : "open", state),
          requirement && ` (${requirement})`,
        ],
      ]),
    ),
    markup`<p>Faults included: what is missed here is the price of the day, not by itself a failure of it.</p>`,
  ];
}
