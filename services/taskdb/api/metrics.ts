import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import catalogue from "../metrics.json";

/** The service's metrics (T-46 to T-53 among them); names, labels and buckets stand in metrics.json. */

interface Entry {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  /** Values that a label always has, so that its series are there from the start; empty where they come with the requests. */
  readonly labels?: Readonly<Record<string, readonly string[]>>;
  readonly buckets?: readonly number[];
}
const entries = catalogue as unknown as readonly Entry[];

/** Connections of a pool. */
export interface PoolCounts {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
}

type Verdict = "pass" | "fail";

export class Metrics {
  readonly registry = new Registry();
  private readonly refreshes = this.histogram("taskdb_mv_refresh_latency_ms");
  private readonly statusReads = this.histogram("taskdb_status_derived_read_latency_ms");
  private readonly claims = this.counter("taskdb_provenance_verifications_total");
  private readonly verifications = this.histogram("taskdb_provenance_verification_latency_ms");
  private readonly writers = this.gauge("taskdb_concurrent_writers_total");
  private readonly checks = this.counter("taskdb_doctor_checks_total");
  private readonly orphans = this.counter("taskdb_orphans_detected_total");
  private readonly archived = this.counter("taskdb_events_archived_total");
  private readonly requests = this.histogram("http_request_duration_seconds");
  private readonly inFlight = this.gauge("taskdb_requests_in_flight");
  private readonly refusals = this.counter("taskdb_requests_refused_total");
  private readonly rounds = this.counter("taskdb_maintenance_rounds_total");

  /** Of Node.js and the process, too; not in tests, where many live at once. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry });
  }

  watchPool(pool: () => PoolCounts): void {
    const connections = this.gauge("taskdb_pool_connections", (gauge) => {
      const { total, idle } = pool();
      gauge.set({ state: "busy" }, total - idle);
      gauge.set({ state: "idle" }, idle);
    });
    connections.set({ state: "busy" }, 0);
    this.gauge("taskdb_pool_waiting", (gauge) => gauge.set(pool().waiting));
  }

  /** Call what it returns once the status has been read. */
  statusRead(): () => void {
    const started = performance.now();
    return () => this.statusReads.observe(performance.now() - started);
  }

  /** The triggers' own measure of their work in a write. */
  statusRefreshed(microseconds: number): void {
    this.refreshes.observe(microseconds / 1000);
  }

  verified(results: readonly Verdict[], milliseconds: number): void {
    for (const status of results) this.claims.inc({ status });
    this.verifications.observe(milliseconds);
  }

  examined(results: readonly Verdict[], orphans: number): void {
    for (const status of results) this.checks.inc({ status });
    this.orphans.inc(orphans);
  }

  maintained(status: Verdict, eventsArchived: number): void {
    this.rounds.inc({ status });
    this.archived.inc(eventsArchived);
  }

  working(requests: number, writers: number): void {
    this.inFlight.set(requests);
    this.writers.set(writers);
  }

  refused(limit: "in-flight" | "event-loop" | "heap"): void {
    this.refusals.inc({ limit });
  }

  answered(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe({ method, route, status: String(status) }, seconds);
  }

  private histogram(name: string): Histogram {
    const { buckets = [], ...rest } = this.entry(name);
    return new Histogram({ ...rest, buckets: [...buckets] });
  }

  private counter(name: string): Counter {
    const counter = new Counter(this.entry(name));
    // Rates need the series before its first event.
    for (const [label, values] of Object.entries(find(name).labels ?? {})) {
      for (const value of values) counter.inc({ [label]: value }, 0);
    }
    return counter;
  }

  private gauge(name: string, collect?: (gauge: Gauge) => void): Gauge {
    return new Gauge({
      ...this.entry(name),
      ...(collect && {
        collect() {
          collect(this);
        },
      }),
    });
  }

  private entry(name: string) {
    const { help, labels = {}, buckets } = find(name);
    return { name, help, labelNames: Object.keys(labels), registers: [this.registry], ...(buckets && { buckets }) };
  }
}

function find(name: string): Entry {
  const entry = entries.find((each) => each.name === name);
  if (!entry) throw new Error(`services/taskdb/metrics.json has no metric "${name}", which the service counts`);
  return entry;
}
