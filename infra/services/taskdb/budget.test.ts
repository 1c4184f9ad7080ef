import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { skip } from "../../../cli/testing/skip";
import metrics from "../../../services/taskdb/metrics.json";
import { promtool } from "../../observability/testing/promtool";
import { latencyBuckets, sloRules } from "../../slos/burnRate";

const run = promisify(execFile);
const histogram = "http_request_duration_seconds";

describe("the task database's error budget", function () {
  this.timeout(120_000);

  it("can be told by the buckets that the service has", () => {
    const { buckets = [] } = metrics.find(({ name }) => name === histogram) ?? {};
    for (const bound of latencyBuckets("taskdb")) assert.ok(buckets.includes(bound), `no bucket ends at ${bound} s`);
  });

  it("calls somebody when it burns, and nobody while it is kept", async function () {
    const tool = await promtool();
    if ("lacking" in tool) skip(this, tool.lacking);
    const folder = await mkdtemp(join(tmpdir(), "ballast-budget-"));
    try {
      await writeFile(join(folder, "rules.yaml"), stringify(sloRules("taskdb", "local")));
      const requests = (status: number, aMinute: number) => ({
        series: `${histogram}_count{job="taskdb",method="GET",route="/api/v1/tasks",status="${status}"}`,
        values: `0+${aMinute}x120`,
      });
      const fires = async (failedOf1000: number): Promise<boolean> => {
        const file = join(folder, "test.yaml");
        const expectation = { eval_time: "90m", alertname: "TaskdbAvailabilityBudgetBurn", exp_alerts: [] };
        const series = [requests(200, 1000 - failedOf1000), requests(500, failedOf1000)];
        const tests = [{ interval: "1m", input_series: series, alert_rule_test: [expectation] }];
        await writeFile(file, stringify({ rule_files: ["rules.yaml"], evaluation_interval: "1m", tests }));
        return run(tool.path, ["test", "rules", file], { cwd: folder }).then(
          () => false,
          ({ stdout = "", stderr = "" }: { stdout?: string; stderr?: string }) => {
            assert.match(stdout + stderr, /got:[\s\S]*severity="critical"/);
            return true;
          },
        );
      };
      assert.equal(await fires(50), true);
      assert.equal(await fires(0.1), false);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
