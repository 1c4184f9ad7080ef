import { join } from "node:path";
import { type FailoverFigures, type FaultName, measureFailovers } from "../chaos/postgres-failover";
import type { Benchmark, Figure, Target } from "./figure";
import { LocalStack } from "./stack";

const RUNS = 5;

/** Seconds to the next acknowledged write: the promise for each fault. */
const TARGETS = {
  "pod deleted": [{ of: "maximum", most: 3 }],
  "pod deleted by force": [{ of: "maximum", most: 3 }],
  killed: [
    { of: "median", most: 6 },
    { of: "maximum", most: 20 },
  ],
  partitioned: [{ of: "maximum", most: 25 }],
  switchover: [{ of: "maximum", most: 2 }],
} as const satisfies Partial<Record<FaultName, readonly Target[]>>;

/** Which of them are measured, by their names with commas between; all take a quarter of an hour. */
const CHOICE = "BALLAST_BENCH_FAULTS";

const isPromised = (fault: FaultName): fault is keyof typeof TARGETS => fault in TARGETS;

function figures({ fault, title, runs, audit }: FailoverFigures): Figure[] {
  const gaps = runs.map(({ gapSeconds }) => gapSeconds);
  const targets: readonly Target[] = isPromised(fault) ? TARGETS[fault] : [];
  const writes = audit.acknowledged + audit.failed + audit.indeterminate;
  return [
    ...targets.map((target): Figure => ({
      name: `postgres: ${title}, ${target.of} gap between acknowledged writes`,
      unit: "s",
      runs: gaps,
      target,
    })),
    {
      name: `postgres: ${title}, acknowledged writes lost or doubled`,
      unit: "writes",
      runs: runs.map((run) => run.audit.lost.length + run.audit.duplicated.length + run.audit.resurrected.length),
      target: { of: "maximum", most: 0 },
      remark: `of ${writes} sent, ${audit.acknowledged} of them acknowledged; a loss seeded in each run was found`,
    },
    {
      name: `postgres: ${title}, time with two writable primaries`,
      unit: "s",
      runs: runs.map(({ twoPrimariesSeconds }) => twoPrimariesSeconds),
      target: { of: "maximum", most: 0 },
      remark: "each member asked ten times a second from inside its own pod",
    },
  ];
}

function chosen(): FaultName[] {
  const promised = Object.keys(TARGETS) as (keyof typeof TARGETS)[];
  const choice = process.env[CHOICE]?.split(",");
  const unknown = choice?.find((name) => !promised.some((fault) => fault === name));
  if (unknown !== undefined) throw new Error(`${CHOICE}: "${unknown}" is none of ${promised.join(", ")}`);
  return promised.filter((fault) => choice?.includes(fault) ?? true);
}

export const postgres: Benchmark = {
  name: "postgres",
  description: `loss of the primary under a steady writer, ${RUNS} times each: ${Object.keys(TARGETS).join(", ")}`,
  async run(bench) {
    const faults = chosen();
    const stack = new LocalStack(join(bench.folder, "state"));
    try {
      await stack.up();
      const measured = await measureFailovers({
        postgres: await stack.postgres(),
        nodes: stack.nodes,
        faults,
        runs: RUNS,
        onRun: (fault, { gapSeconds, from, to }) => bench.say(`${fault}: ${gapSeconds.toFixed(2)} s, ${from} to ${to}`),
      });
      return measured.flatMap(figures);
    } finally {
      await stack.down();
    }
  },
};
