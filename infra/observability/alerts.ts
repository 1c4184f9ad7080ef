import type { Rule } from "../slos/burnRate";
import { runbooks } from "../slos/burnRate";

/** How bad it is that an alert fires: `critical` calls somebody, `warning` waits for the next working hour. */
export type Severity = "warning" | "critical";

/** What is watched, of a metric that the service exports. */
export type Watched =
  /** A quantile of a histogram over the last five minutes, of all pods together. */
  | { readonly histogram: string; readonly quantile: number }
  /** A gauge, summed over all pods. */
  | { readonly gauge: string };

/** An alert as data; everything else about it is derived. */
export interface Alert {
  readonly name: string;
  readonly watched: Watched;
  /** It fires above this. */
  readonly above: number;
  /** How long it must have been above, for example `5m`. */
  readonly for: string;
  readonly severity: Severity;
  /** One line for whoever is called. */
  readonly summary: string;
  /** What it means for the users. `{{ $value }}` is the value of now. */
  readonly description: string;
  /** File of docs/runbooks, without its ending. */
  readonly runbook: string;
}

/** The query whose value is what is watched. */
export function query(watched: Watched): string {
  if ("gauge" in watched) return `sum(${watched.gauge})`;
  return `histogram_quantile(${watched.quantile}, sum by (le) (rate(${watched.histogram}_bucket[5m])))`;
}

/** The metric that a query is about, as the service exports it. */
export function metricOf(watched: Watched): string {
  return "gauge" in watched ? watched.gauge : watched.histogram;
}

export function rulesOf(alerts: readonly Alert[], labels: Readonly<Record<string, string>>): Rule[] {
  return alerts.map((alert) => ({
    alert: alert.name,
    expr: `${query(alert.watched)} > ${alert.above}`,
    for: alert.for,
    labels: { severity: alert.severity, ...labels },
    annotations: {
      summary: alert.summary,
      description: alert.description,
      runbook_url: `${runbooks}/${alert.runbook}.md`,
    },
  }));
}
