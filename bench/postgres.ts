import { join } from "node:path";
import { type FailoverFigures, type FaultName, measureFailovers } from "../chaos/postgres-failover";
import type { Benchmark, Figure, Target } from "./figure";
import { LocalStack } from "./stack";

const RUNS = 5;

/** Seconds to the next acknowledged write: the promise for each fault. */
const TARGETS = {
  "pod deleted": [{ of: "maximum", most: 3 }],
  killed: [
    { of: "median", most: 6 },
    { of: "maximum", most: 20 },
  ],
  partitioned: [{ of: "maximum", most: 25 }],
  switchover: [{ of: "maximum", most: 2 }],
} as const satisfies Partial<Record<FaultName, readonly Target[]>>;

const isPromised = (fault: FaultName): fault is keyof typeof TARGETS => fault in TARGETS;

function figures({ fault, title, runs, audit }: FailoverFigures): Figure[] {
  const gaps = runs.map(({ gapSeconds }) => gapSeconds);
  const targets: readonly Target[] = isPromised(fault) ? TARGETS[fault] : [];
  const writes = audit.acknowledged + audit.failed + audit.indeterminate;
  const both = runs.flatMap(({ twoPrimariesSeconds }) =>
    twoPrimariesSeconds === undefined ? [] : [twoPrimariesSeconds],
  );
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
      runs: [audit.lost.length + audit.duplicated.length + audit.resurrected.length],
      target: { of: "maximum", most: 0 },
      remark: `of ${writes} sent, ${audit.acknowledged} of them acknowledged`,
    },
    ...(both.length === 0
      ? []
      : [
          {
            name: `postgres: ${title}, time with two writable primaries`,
            unit: "s",
            runs: both,
            target: { of: "maximum", most: 0 },
          } satisfies Figure,
        ]),
  ];
}

export const postgres: Benchmark = {
  name: "postgres",
  description: `loss of the primary under a steady writer, ${RUNS} times each: ${Object.keys(TARGETS).join(", ")}`,
  async run(bench) {
    const stack = new LocalStack(join(bench.folder, "state"));
    try {
      await stack.up();
      const measured = await measureFailovers({
        postgres: await stack.postgres(),
        nodes: stack.nodes,
        faults: Object.keys(TARGETS) as (keyof typeof TARGETS)[],
        runs: RUNS,
        onRun: (fault, { gapSeconds, from, to }) => bench.say(`${fault}: ${gapSeconds.toFixed(2)} s, ${from} to ${to}`),
      });
      return measured.flatMap(figures);
    } finally {
      await stack.down();
    }
  },
};
