import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { silent } from "../../local/progress";
import { findK6 } from "../../loadtests/k6/binary";
import { makePlan } from "../../loadtests/plan";
import { runLoad, type Ran } from "../../loadtests/run";
import { chosenScenarios } from "../../loadtests/table";
import { localTargets } from "../../loadtests/targets";
import { repeat } from "../child";
import type { Benchmark, Figure } from "../figure";
import { LocalStack } from "../stack";

const NAME = "load: TaskDB under baseline load";

/** The worst scenario of every run, for each bound that is set: 200 ms for all, less for one operation. */
function figures(runs: readonly Ran[]): Figure[] {
  const bounds = new Map<string, { metric: string; limit: number }>();
  for (const { metric, limit } of runs[0]?.results ?? []) {
    const [kind = ""] = metric.split("{");
    if (kind === "http_req_duration" || kind === "http_req_failed")
      bounds.set(`${kind} ${limit}`, { metric: kind, limit });
  }
  return [...bounds.values()].map(({ metric, limit }): Figure => {
    const share = metric === "http_req_failed";
    const factor = share ? 100 : 1;
    const worst = runs.map(({ results }) => {
      const own = results.filter((each) => each.metric.startsWith(`${metric}{`) && each.limit === limit);
      return Math.max(
        ...own.map(({ scenario, value }) => {
          if (value === undefined) throw new Error(`${scenario} has no data of ${metric}`);
          return value * factor;
        }),
      );
    });
    const unit = share ? "%" : "ms";
    const most = Number((limit * factor).toPrecision(6));
    const what = share ? "failed requests" : `P95 where ${limit} ms is the objective`;
    const remark = "the worst of its scenarios";
    return { name: `${NAME}, ${what}`, unit, runs: worst, target: { of: "maximum", most }, remark };
  });
}

export const loadTaskdb: Benchmark = {
  name: "load-taskdb",
  description: "the task database of a local stack under the load of an ordinary day, by k6",
  async run(bench) {
    const stack = new LocalStack(join(bench.folder, "state"));
    try {
      bench.say("bringing a stack up …");
      await stack.up();
      const { taskdb } = localTargets(await stack.outputs());
      if (taskdb === undefined) throw new Error("the stack says nothing of where its task database answers");
      const k6 = await findK6({ ...silent, note: (text) => bench.say(text) });
      const runs = await repeat(bench.times, async (turn) => {
        const folder = join(bench.folder, `load-${turn}`);
        await mkdir(folder, { recursive: true });
        const scenarios = chosenScenarios(["taskdb"]);
        const plan = makePlan({
          run: `bench-${turn}`,
          environment: "local",
          profile: "baseline",
          scenarios,
          targets: { taskdb },
        });
        return runLoad({ plan, k6: k6.path, folder });
      });
      return figures(runs);
    } finally {
      await stack.down();
    }
  },
};
