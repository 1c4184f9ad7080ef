import type { Alert } from "../../observability/alerts";

/** When somebody is told of the task database (T-55 to T-58): each threshold, time and severity stands here and nowhere else. */
export const alerts = [
  {
    name: "TaskDBStatusDerivedLatencyHigh",
    watched: { histogram: "taskdb_status_derived_read_latency_ms", quantile: 0.95 },
    above: 5,
    for: "5m",
    severity: "warning",
    summary: "TaskDB: P95 read latency of derived statuses > 5ms",
    description:
      "One read of a derived status in twenty takes longer than {{ $value | humanize }} ms; it is to be 5 ms at most.",
    runbook: "taskdb-status-latency",
  },
  {
    name: "TaskDBProvenanceLatencyHigh",
    watched: { histogram: "taskdb_provenance_verification_latency_ms", quantile: 0.95 },
    above: 150,
    for: "5m",
    severity: "warning",
    summary: "TaskDB: P95 latency of provenance verification > 150ms",
    description:
      "One verification of a report in twenty takes longer than {{ $value | humanize }} ms; it is to be 150 ms at most.",
    runbook: "taskdb-provenance-latency",
  },
  {
    name: "TaskDBConcurrentWritersHigh",
    watched: { gauge: "taskdb_concurrent_writers_total" },
    above: 100,
    for: "2m",
    severity: "critical",
    summary: "TaskDB: concurrent writers > 100",
    description:
      "{{ $value | humanize }} writes are worked on at once; the database is made for 100, and more wait for each other.",
    runbook: "taskdb-concurrent-writers",
  },
  {
    name: "TaskDBMVRefreshLatencyHigh",
    watched: { histogram: "taskdb_mv_refresh_latency_ms", quantile: 0.95 },
    above: 500,
    for: "10m",
    severity: "warning",
    summary: "TaskDB: P95 refresh latency of derived statuses > 500ms",
    description:
      "One write in twenty spends more than {{ $value | humanize }} ms on keeping derived statuses; it is to be 500 ms at most.",
    runbook: "taskdb-refresh-latency",
  },
] as const satisfies readonly Alert[];

export type AlertName = (typeof alerts)[number]["name"];
