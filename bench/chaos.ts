import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findExperiment } from "../chaos/experiments";
import { Probes } from "../chaos/probes/probes";
import type { Journal, Timings } from "../chaos/run/journal";
import { Watch } from "../chaos/run/watch";
import { chaosPlace } from "../cli/chaosGround";
import { objectivesOf } from "../infra/slos/table";
import { type Bench, type Benchmark, type Figure, type Target } from "./figure";
import { LocalStack } from "./stack";

interface Promised {
  readonly experiment: string;
  readonly runs: number;
  readonly figures: readonly (readonly [timing: Exclude<keyof Timings, "injected">, what: string, target: Target])[];
}

const most = (seconds: number): Target => ({ of: "maximum", most: seconds });

/** Seconds: step 1's times and one more for the primary (bench/postgres.ts), and the promises of issue 6. */
const PROMISED: readonly Promised[] = [
  {
    experiment: "taskdb-pod-kill",
    runs: 5,
    figures: [
      ["recovery", "to the last failed request", { of: "median", most: 5 }],
      ["redundancyRestored", "to full redundancy", { of: "median", most: 5 }],
    ],
  },
  {
    experiment: "postgres-primary-kill",
    runs: 5,
    figures: [["writeGap", "longest pause between acknowledged writes", most(4)]],
  },
  {
    experiment: "postgres-primary-container-kill",
    runs: 5,
    figures: [
      ["writeGap", "longest pause between acknowledged writes", { of: "median", most: 7 }],
      ["writeGap", "longest of all pauses between acknowledged writes", most(21)],
    ],
  },
  {
    experiment: "postgres-node-stop",
    runs: 3,
    figures: [["writeGap", "longest pause between acknowledged writes", most(30)]],
  },
  {
    experiment: "postgres-node-partition",
    runs: 3,
    figures: [["writeGap", "longest pause between acknowledged writes", most(30)]],
  },
  { experiment: "postgres-disk-full", runs: 3, figures: [] },
];
/** Seconds of looking for the cost of looking. */
const LOOKING = 30;
/** A load that one replica cannot carry, within seconds. */
const STEEP = ["--profile", "stress", "--duration-scale", "0.25"];
const CHOICE = "BALLAST_BENCH_EXPERIMENTS";

async function promised(bench: Bench, stack: LocalStack): Promise<Figure[]> {
  const choice = process.env[CHOICE]?.split(",");
  const figures: Figure[] = [];
  for (const { experiment, runs, figures: wanted } of PROMISED.filter(
    (each) => choice?.includes(each.experiment) ?? true,
  )) {
    const args = ["chaos", "run", experiment, "--repeat", String(runs), "--json"];
    const { stdout } = await stack.ballast(...args);
    const { journals } = JSON.parse(stdout) as { journals: readonly Journal[] };
    const timings = journals.flatMap(({ ballast }) => ballast.timings);
    bench.say(`${experiment}: ${timings.map(({ writeGap }) => writeGap?.toFixed(2)).join(", ")} s without a write`);
    const { title } = findExperiment(experiment);
    for (const [timing, what, target] of wanted)
      figures.push({
        name: `chaos: ${title}: ${what}`,
        unit: "s",
        runs: timings.map((each) => each[timing] ?? Infinity),
        target,
      });
    const ledgers = journals.flatMap(({ ballast }) => (ballast.ledger ? [ballast.ledger] : []));
    const sent = ledgers.reduce((sum, each) => sum + each.acknowledged, 0);
    figures.push({
      name: `chaos: ${title}: acknowledged writes lost, doubled, or read stale`,
      unit: "writes",
      runs: ledgers.map((each) => each.lost + each.duplicated + each.resurrected + each.stale),
      target: most(0),
      remark: `of ${sent} acknowledged; a loss, a duplicate and a stale read seeded in each run were found`,
    });
    const two = ledgers.flatMap(({ twoPrimaries }) => (twoPrimaries === undefined ? [] : [twoPrimaries]));
    if (two.length > 0)
      figures.push({
        name: `chaos: ${title}: time with two writable primaries`,
        unit: "s",
        runs: two,
        target: most(0),
      });
  }
  return figures;
}

/** What the probes of an experiment cost this machine, all of them looking all the time. */
async function overhead(bench: Bench): Promise<Figure> {
  const experiment = findExperiment("postgres-primary-kill");
  const signal = new AbortController().signal;
  const { groundOf } = await chaosPlace("local", {}, signal, () => undefined);
  const shares: number[] = [];
  for (let turn = 0; turn < bench.times; turn++) {
    const probes = new Probes();
    const watch = new Watch(experiment["steady-state-hypothesis"].probes, probes.look, groundOf(experiment.limits));
    // The first look connects.
    await delay(2000);
    const [began, before] = [performance.now(), process.cpuUsage()];
    await delay(LOOKING * 1000);
    const { user, system } = process.cpuUsage(before);
    shares.push((100 * (user + system)) / 1000 / (performance.now() - began));
    await watch.stop();
    await probes.close();
  }
  return {
    name: "chaos: processor time of an experiment's probes, of one core",
    unit: "%",
    runs: shares,
    target: { of: "median", most: 5 },
    remark: `${experiment.name}, all its probes for ${LOOKING} s, at rest`,
  };
}

/** One replica under a load for several: until three are ready, and what users noticed. */
async function scaleOut(bench: Bench, stack: LocalStack): Promise<Figure[]> {
  const objective = objectivesOf("taskdb", "local").find(({ indicator }) => indicator.kind === "scale-out");
  if (objective?.indicator.kind !== "scale-out") throw new Error("infra/slos/slos.json has no scale-out of taskdb");
  const { replicas } = objective.indicator;
  const ready = async () =>
    Number(
      (await stack.kubectl("get", "deployment/taskdb", "-n", "apps", "-o", "jsonpath={.status.readyReplicas}")).stdout,
    );
  const least = (count: number) =>
    stack.kubectl(
      "patch",
      "hpa/taskdb",
      "-n",
      "apps",
      "--type=merge",
      "-p",
      JSON.stringify({ spec: { minReplicas: count } }),
    );
  await least(1);
  await stack.kubectl("scale", "deployment/taskdb", "-n", "apps", "--replicas=1");
  while ((await ready()) !== 1) await delay(1000);
  const load = spawn(
    process.execPath,
    ["cli/ballast.mjs", "load", "local", ...STEEP, "--scenario", "taskdb", "--json"],
    { env: stack.env, stdio: ["ignore", "pipe", "ignore"] },
  );
  let said = "";
  load.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
  const ended = once(load, "close");
  const began = performance.now();
  let seconds = Infinity;
  while (load.exitCode === null) {
    if (seconds === Infinity && (await ready()) >= replicas) seconds = (performance.now() - began) / 1000;
    await delay(500);
  }
  await ended;
  await least(2);
  const { results } = JSON.parse(said) as { results: readonly { metric: string; value?: number }[] };
  const failed = results.filter(({ metric }) => metric.startsWith("http_req_failed")).map(({ value = 1 }) => value);
  bench.say(`${replicas} ready after ${seconds.toFixed(0)} s`);
  return [
    {
      name: `chaos: load on one replica of the task database, until ${replicas} are ready`,
      unit: "s",
      runs: [seconds],
      target: most(objective.value),
      remark: `from the start of \`ballast load local ${STEEP.join(" ")}\``,
    },
    {
      name: "chaos: share of failed requests meanwhile, of the worst scenario",
      unit: "ratio",
      runs: [Math.max(...failed)],
      target: most(0),
    },
  ];
}

export const chaos: Benchmark = {
  name: "chaos",
  description: `the promises for each fault, on a local stack of its own: ${PROMISED.map(({ experiment }) => experiment).join(", ")}; scale-out; cost of the probes`,
  async run(bench) {
    const stack = new LocalStack(join(bench.folder, "state"));
    try {
      await stack.up();
      Object.assign(process.env, stack.env);
      const cost = await overhead(bench);
      return [cost, ...(await promised(bench, stack)), ...(await scaleOut(bench, stack))];
    } finally {
      await stack.down();
    }
  },
};
