import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { skip } from "../../../cli/testing/skip";
import metrics from "../../../services/taskdb/metrics.json";
import { type Alert, metricOf, rulesOf } from "../../observability/alerts";
import { promtool } from "../../observability/testing/promtool";
import { type AlertName, alerts } from "./alerts";
import { taskDbDashboard } from "./dashboard";

const rules = rulesOf(alerts, { service: "taskdb" });

/** What the documents ask for (T-55 to T-58), on its own, so that a slip in the data is seen. */
const asked: Readonly<Record<AlertName, readonly [above: number, time: string, severity: string]>> = {
  TaskDBStatusDerivedLatencyHigh: [5, "5m", "warning"],
  TaskDBProvenanceLatencyHigh: [150, "5m", "warning"],
  TaskDBConcurrentWritersHigh: [100, "2m", "critical"],
  TaskDBMVRefreshLatencyHigh: [500, "10m", "warning"],
};

/** The parts of names that Prometheus appends to a histogram's. */
const exported = new Set(
  metrics.flatMap(({ name, type }) =>
    type === "histogram" ? ["_bucket", "_sum", "_count"].map((part) => name + part) : [name],
  ),
);
const namesIn = (expr: string) =>
  [...expr.matchAll(/\b(?:taskdb|http)_[a-z_]+\b/g)].map(([name]) => name).filter((name) => name !== "taskdb");

/** Minutes without an event at the end of each series. */
const rest = 10;

/** Of one pod, for so many minutes: cumulative buckets in which all events of a histogram fall into the one up to `at`. */
function series(alert: Alert, at: number, pod: string, minutes: number) {
  const labels = `service="taskdb",pod="${pod}"`;
  if ("gauge" in alert.watched)
    return [{ series: `${alert.watched.gauge}{${labels}}`, values: `${at}x${minutes} 0x${rest}` }];
  const name = alert.watched.histogram;
  const buckets = metrics.find((metric) => metric.name === name)?.buckets ?? [];
  const bounds = [...buckets.map(String), "+Inf"];
  return bounds.map((bound) => ({
    series: `${name}_bucket{${labels},le="${bound}"}`,
    values:
      Number(bound.replace("+Inf", "Infinity")) >= at
        ? `0+60x${minutes} ${60 * minutes}x${rest}`
        : `0x${minutes + rest}`,
  }));
}

const minutesOf = ({ for: time }: Alert) => Number(time.replace("m", ""));

/** An event of twice the threshold, and one of a fifth; a gauge just past its threshold in two pods together. */
const above = ({ watched, above }: Alert) => ("gauge" in watched ? above / 2 + 1 : above * 2);
const below = ({ watched, above }: Alert) => ("gauge" in watched ? above / 2 : above / 5);

describe("the task database's alerts", function () {
  this.timeout(120_000);

  for (const alert of alerts) {
    it(`${alert.name} is as it was asked for`, () => {
      assert.deepEqual([alert.above, alert.for, alert.severity], asked[alert.name]);
      const { annotations } = rules.find((rule) => "alert" in rule && rule.alert === alert.name) as {
        annotations: Record<string, string>;
      };
      assert.ok(annotations["summary"]?.includes(String(alert.above)), annotations["summary"]);
      const runbook = basename(annotations["runbook_url"] ?? "");
      assert.ok(existsSync(join(__dirname, "../../../docs/runbooks", runbook)), runbook);
    });

    it(`${alert.name} can tell its threshold by the buckets that there are`, () => {
      const metric = metrics.find(({ name }) => name === metricOf(alert.watched));
      assert.ok(metric, "the service does not export it");
      if ("gauge" in alert.watched) return;
      const { buckets = [] } = metric;
      assert.ok(buckets.includes(alert.above), "no bucket ends at the threshold");
      assert.ok((buckets.at(-1) ?? 0) > alert.above, "the quantile never gets past the last bucket");
    });
  }

  it("use only what the service exports, and so does the dashboard", () => {
    const panels = taskDbDashboard().panels ?? [];
    const queries = panels.flatMap((panel) => ("targets" in panel ? (panel.targets ?? []) : []));
    const expressions = [...rules, ...queries].map((one) => (one as { expr?: string }).expr ?? "");
    assert.equal(expressions.filter((expr) => expr !== "").length, rules.length + queries.length);
    assert.ok(queries.length >= panels.length);
    for (const expr of expressions) {
      const names = namesIn(expr);
      assert.ok(names.length > 0, expr);
      for (const name of names) assert.ok(exported.has(name), `${name} in ${expr}`);
    }
  });

  it("fire above their thresholds, after their time, until it is over, and only then", async function () {
    const tool = await promtool();
    if ("lacking" in tool) skip(this, tool.lacking);
    const folder = await mkdtemp(join(tmpdir(), "ballast-alerts-"));
    const labels = { service: "taskdb" };
    const cases = alerts.flatMap((alert: Alert) => {
      const rule = rules.find((one) => "alert" in one && one.alert === alert.name) as { annotations: object };
      const time = minutesOf(alert);
      // The first rate is there after two looks, so what is to fire has a few minutes more.
      const run = time + 10;
      const values = (at: number) => ["a", "b"].flatMap((pod) => series(alert, at, pod, run));
      const expectation = (minute: number, fires: boolean) => ({
        eval_time: `${minute}m`,
        alertname: alert.name,
        exp_alerts: fires
          ? [{ exp_labels: { ...labels, severity: alert.severity }, exp_annotations: described(alert, rule) }]
          : [],
      });
      return [
        {
          name: `${alert.name} above`,
          interval: "1m",
          input_series: values(above(alert)),
          alert_rule_test: [
            expectation(time - 1, false),
            expectation(time + 5, true),
            expectation(run + rest - 1, false),
          ],
        },
        {
          name: `${alert.name} below`,
          interval: "1m",
          input_series: values(below(alert)),
          alert_rule_test: [expectation(time + 5, false)],
        },
      ];
    });
    try {
      // JSON is YAML.
      await writeFile(join(folder, "rules.yml"), JSON.stringify({ groups: [{ name: "taskdb", rules }] }));
      const test = { rule_files: ["rules.yml"], evaluation_interval: "1m", tests: cases };
      await writeFile(join(folder, "test.yml"), JSON.stringify(test));
      const result = await new Promise<{ failed: boolean; said: string }>((resolve) =>
        execFile(tool.path, ["test", "rules", "test.yml"], { cwd: folder }, (error, stdout, stderr) =>
          resolve({ failed: error !== null, said: `${stdout}\n${stderr}` }),
        ),
      );
      assert.ok(!result.failed, result.said);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** The annotations with the value filled in that the alert has in the test: all events are in one bucket, so P95 is 95 % into it. */
function described(alert: Alert, { annotations }: { annotations: object }): object {
  const value = expected(alert);
  const text = (words: string) => words.replace("{{ $value | humanize }}", value);
  return Object.fromEntries(
    Object.entries(annotations as Record<string, string>).map(([key, words]) => [key, text(words)]),
  );
}

function expected(alert: Alert): string {
  if ("gauge" in alert.watched) return String(2 * above(alert));
  const { histogram } = alert.watched;
  const { buckets = [] } = metrics.find(({ name }) => name === histogram) ?? {};
  const upper = buckets.find((bound) => bound >= above(alert)) ?? Infinity;
  const lower = buckets.filter((bound) => bound < upper).at(-1) ?? 0;
  const value = lower + alert.watched.quantile * (upper - lower);
  return value >= 1000 ? `${Number((value / 1000).toPrecision(4))}k` : String(Number(value.toPrecision(4)));
}
