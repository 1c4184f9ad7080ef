import type { Compared } from "../../loadtests/baseline/compare";
import { measure } from "../../loadtests/report/run";
import type { Judged } from "../../loadtests/verdict";
import { table } from "../table";

export function resultTable(results: readonly Judged[]): string {
  const rows = results.map((result) => [
    result.scenario,
    `${result.metric.split("{")[0] ?? ""} ${result.expression}`,
    result.value === undefined ? "no data" : String(Number(result.value.toPrecision(4))),
    result.margin === undefined ? "" : `${Math.round(result.margin * 100)} %`,
    shown(result),
  ]);
  return table(["SCENARIO", "THRESHOLD", "VALUE", "MARGIN", "STATE"], rows);
}

const shown = ({ state, requirement }: Judged): string =>
  requirement === undefined || state === "ok" ? state : `${state} (${requirement})`;

export function comparisonTable(compared: readonly Compared[]): string {
  const rows = compared.map(({ scenario, metric, was, is, allowed, state }) => [
    scenario,
    metric,
    measure(metric, was),
    is === undefined ? "no data" : measure(metric, is),
    is === undefined ? "" : `${is >= was ? "+" : ""}${measure(metric, is - was)}`,
    measure(metric, allowed),
    state,
  ]);
  return table(["SCENARIO", "METRIC", "BASELINE", "NOW", "CHANGE", "ALLOWED", "STATE"], rows);
}
