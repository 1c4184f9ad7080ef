import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard";
import { DashboardBuilder, DatasourceVariableBuilder } from "@grafana/grafana-foundation-sdk/dashboard";
import type { Alert } from "../../observability/alerts";
import { query } from "../../observability/alerts";
import { datasourceVariable, stat, timeseries } from "../../observability/panels";
import { type AlertName, alerts } from "./alerts";

function alert(name: AlertName): Alert {
  const found = alerts.find((each) => each.name === name);
  if (!found) throw new Error(`infra/services/taskdb/alerts.ts has no alert ${name}`);
  return found;
}

/** What an alert watches, with its threshold drawn in. */
const watched = (name: AlertName, legend: string) => {
  const { watched: of, above } = alert(name);
  return { queries: { [legend]: query(of) }, limit: above };
};

/** The task database at a glance (T-59 to T-62): what its alerts watch, and what explains it. */
export function taskDbDashboard(): Dashboard {
  return new DashboardBuilder("TaskDB OLA3 - Escalamiento")
    .uid("taskdb-ola3")
    .tags(["taskdb", "ballast"])
    .refresh("30s")
    .time({ from: "now-1h", to: "now" })
    .readonly()
    .withVariable(new DatasourceVariableBuilder(datasourceVariable).label("Prometheus").type("prometheus"))
    .withPanel(
      timeseries({
        title: "Status Derived Read Latency",
        description: "95 % of the reads of a derived status are faster",
        unit: "ms",
        ...watched("TaskDBStatusDerivedLatencyHigh", "P95"),
      }),
    )
    .withPanel(
      timeseries({
        title: "Provenance Verification Latency",
        description: "95 % of the verifications of a report are faster",
        unit: "ms",
        ...watched("TaskDBProvenanceLatencyHigh", "P95"),
      }),
    )
    .withPanel(
      stat({
        title: "Concurrent Writers",
        description: "Writes that are worked on now, by all pods together",
        unit: "short",
        ...watched("TaskDBConcurrentWritersHigh", "writers"),
      }),
    )
    .withPanel(
      timeseries({
        title: "Derived Status Refresh Latency",
        description: "95 % of the writes spend less on keeping derived statuses",
        unit: "ms",
        ...watched("TaskDBMVRefreshLatencyHigh", "P95"),
      }),
    )
    .withPanel(
      timeseries({
        title: "Requests",
        description: "Answers a second by status, and requests that were refused because there was too much to do",
        unit: "reqps",
        queries: {
          "{{status}}": 'sum by (status) (rate(http_request_duration_seconds_count{service="taskdb"}[5m]))',
          "refused: {{limit}}": "sum by (limit) (rate(taskdb_requests_refused_total[5m]))",
        },
      }),
    )
    .withPanel(
      timeseries({
        title: "Connections to PostgreSQL",
        description: "Connections of all pods, and requests that wait for one",
        unit: "short",
        queries: {
          "{{state}}": "sum by (state) (taskdb_pool_connections)",
          waiting: "sum(taskdb_pool_waiting)",
        },
      }),
    )
    .build();
}
