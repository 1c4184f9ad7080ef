import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import { BigValueColorMode, BigValueGraphMode, GraphThresholdsStyleMode } from "@grafana/grafana-foundation-sdk/common";
import { GraphThresholdsStyleConfigBuilder } from "@grafana/grafana-foundation-sdk/common";
import type { Panel, Threshold, ThresholdsConfig } from "@grafana/grafana-foundation-sdk/dashboard";
import { ThresholdsConfigBuilder, ThresholdsMode } from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as StatBuilder } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeseriesBuilder } from "@grafana/grafana-foundation-sdk/timeseries";

/** Name of the dashboards' variable that chooses the Prometheus. */
export const datasourceVariable = "datasource";

const datasource = { type: "prometheus", uid: `\${${datasourceVariable}}` };

/** A panel as data; a figure over time, or the value of now. */
export interface PanelArgs {
  readonly title: string;
  readonly description: string;
  /** Queries by the name that their series have in the legend. */
  readonly queries: Readonly<Record<string, string>>;
  /** Grafana's name of the unit: `ms`, `short`, `reqps`. */
  readonly unit: string;
  /**
   * Above it the figure is red.
   * @default nothing is
   */
  readonly limit?: number | undefined;
}

/** Columns and rows of Grafana's grid that a panel takes; a dashboard is 24 wide. */
const size = { columns: 12, rows: 8 };

export function timeseries(args: PanelArgs): Builder<Panel> {
  const panel = new TimeseriesBuilder()
    .title(args.title)
    .description(args.description)
    .datasource(datasource)
    .unit(args.unit)
    .min(0)
    .height(size.rows)
    .span(size.columns)
    .targets(targets(args));
  if (args.limit === undefined) return panel;
  return panel
    .thresholds(thresholds(args.limit))
    .thresholdsStyle(new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed));
}

export function stat(args: PanelArgs): Builder<Panel> {
  const panel = new StatBuilder()
    .title(args.title)
    .description(args.description)
    .datasource(datasource)
    .unit(args.unit)
    .height(size.rows)
    .span(size.columns)
    .graphMode(BigValueGraphMode.Area)
    .colorMode(BigValueColorMode.Value)
    .targets(targets(args));
  return args.limit === undefined ? panel : panel.thresholds(thresholds(args.limit));
}

function targets({ queries }: PanelArgs): DataqueryBuilder[] {
  return Object.entries(queries).map(([legend, expr], index) =>
    new DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .range()
      .refId(String.fromCharCode(65 + index)),
  );
}

function thresholds(limit: number): Builder<ThresholdsConfig> {
  // Below the first step everything is green; Grafana writes that as null.
  const steps: Threshold[] = [
    { value: null, color: "green" },
    { value: limit, color: "red" },
  ];
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}
