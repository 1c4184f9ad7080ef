import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { silent } from "../../local/progress";
import { findK6 } from "../../loadtests/k6/binary";
import { makePlan } from "../../loadtests/plan";
import { runLoad } from "../../loadtests/run";
import { profileTable } from "../../loadtests/table";
import { childrenBusySeconds, repeat } from "../child";
import type { Benchmark } from "../figure";
import { TrivialServer } from "./server";

const RATE = 1000;
const SECONDS = 30;
/** Of what is due, k6 may leave out so much; more, and it is k6 that is measured. */
const MOST_DROPPED_PERCENT = 0.1;
/** Half of a machine of two. */
const MOST_CORES = 1;
const SCENARIO = "bench";

interface Turn {
  readonly achieved: number;
  readonly droppedPercent: number;
  readonly k6Cores: number;
  readonly ownCores: number;
  readonly p95: number;
  readonly serverP95: number;
}

async function turn(k6: string, folder: string): Promise<Turn> {
  await mkdir(folder, { recursive: true });
  const server = await TrivialServer.start();
  try {
    const plan = makePlan(
      {
        run: "bench",
        environment: "local",
        profile: "baseline",
        scenarios: [{ name: SCENARIO, purpose: "a benchmark", service: "edge", script: "testing/get", rate: RATE }],
        targets: { edge: { url: server.url, ready: "/" } },
      },
      { profile: { ...profileTable().baseline, start: 1, stages: [{ seconds: SECONDS, to: 1 }] } },
    );
    // The server still runs: what has ended in between is k6, and what made its script.
    const [busy, own] = [await childrenBusySeconds(), process.cpuUsage()];
    const ran = await runLoad({ plan, k6, folder });
    const { user, system } = process.cpuUsage(own);
    const k6Busy = (await childrenBusySeconds()) - busy;
    const { p95, rate } = ran.measured[SCENARIO] ?? {};
    if (p95 === undefined || rate === undefined) throw new Error(`k6 measured nothing: ${ran.errors.join("\n")}`);
    const dropped = ran.summary?.metrics[`dropped_iterations{scenario:${SCENARIO}}`]?.values["count"] ?? 0;
    const due = plan.due[SCENARIO] ?? 0;
    return {
      achieved: rate,
      droppedPercent: (100 * dropped) / due,
      k6Cores: k6Busy / SECONDS,
      ownCores: (user + system) / 1e6 / SECONDS,
      p95,
      serverP95: (await server.stop()).p95,
    };
  } finally {
    server.kill();
  }
}

export const load: Benchmark = {
  name: "load",
  description: `k6 at ${RATE} requests/s on 127.0.0.1 against a server that does nothing: is k6 the bottleneck`,
  async run(bench) {
    const k6 = await findK6({ ...silent, note: (text) => bench.say(text) });
    const turns = await repeat(bench.times, (index) => turn(k6.path, join(bench.folder, String(index))));
    const at = `load: k6 at ${RATE} requests/s`;
    const runs = (key: keyof Turn): number[] => turns.map((each) => each[key]);
    return [
      { name: `${at}, achieved`, unit: "requests/s", runs: runs("achieved") },
      {
        name: `${at}, due and not sent`,
        unit: "%",
        runs: runs("droppedPercent"),
        target: { of: "maximum", most: MOST_DROPPED_PERCENT },
      },
      {
        name: `${at}, processor time of k6`,
        unit: "cores",
        runs: runs("k6Cores"),
        target: { of: "median", most: MOST_CORES },
      },
      { name: `${at}, processor time of what reads its samples`, unit: "cores", runs: runs("ownCores") },
      {
        name: `${at}, P95`,
        unit: "ms",
        runs: runs("p95"),
        peer: { name: "as the server itself sees it", runs: runs("serverP95") },
        remark: "what k6 adds is on the client's side: connections, its own wait for a processor",
      },
    ];
  },
};
