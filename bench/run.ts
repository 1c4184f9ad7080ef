import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { releaseSharedCluster } from "../local/cluster/testing";
import { chaos } from "./chaos";
import { checks } from "./check";
import { engineMemory, engineOffline, engineUp } from "./engine";
import { type Benchmark, median, ratio, reached } from "./figure";
import { load } from "./load/load";
import { loadTaskdb } from "./load/taskdb";
import { policies } from "./policies";
import { postgres } from "./postgres";
import { root } from "./program";
import { machine, type Measured, summary, writePage } from "./report";
import { start } from "./start";
import { state } from "./state";
import { taskdb, taskdbSoak } from "./taskdb";

const BENCHMARKS: readonly Benchmark[] = [
  state,
  policies,
  checks,
  engineOffline,
  engineUp,
  engineMemory,
  start,
  postgres,
  chaos,
  taskdb,
  taskdbSoak,
  load,
  loadTaskdb,
];
const LEAST_TIMES = 3;

interface Options {
  readonly only?: string[];
  readonly list?: boolean;
  readonly json?: string;
  readonly times: string;
  readonly docs: boolean;
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);

function chosen({ only }: Options): readonly Benchmark[] {
  if (only === undefined) return BENCHMARKS;
  return only.map((name) => {
    const found = BENCHMARKS.find((each) => each.name === name);
    if (found === undefined)
      throw new Error(`--only ${name}: the benchmarks are ${BENCHMARKS.map((each) => each.name).join(", ")}`);
    return found;
  });
}

async function measure(benchmark: Benchmark, times: number): Promise<Measured[]> {
  say(`${benchmark.name}: ${benchmark.description}`);
  const folder = await mkdtemp(join(tmpdir(), "ballast-bench-"));
  const where = machine(loadavg()[0]);
  try {
    const figures = await benchmark.run({ say: (text) => say(`  ${text}`), folder, times });
    const command = `npm run bench -- --only ${benchmark.name}`;
    const date = new Date().toISOString().slice(0, 10);
    for (const figure of figures) say(`  ${summary(figure)}`);
    return figures.map((figure) => ({ figure, command, machine: where, date }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Failures of one benchmark do not take the others' figures away. Resolves to the exit code. */
async function main(options: Options): Promise<number> {
  if (options.list) {
    for (const { name, description } of BENCHMARKS) process.stdout.write(`${name}\t${description}\n`);
    return 0;
  }
  const times = Number(options.times);
  if (!Number.isInteger(times) || times < LEAST_TIMES)
    throw new Error(`--times ${options.times}: must be a whole number, ${LEAST_TIMES} or more`);
  const all: Measured[] = [];
  let failed = 0;
  for (const benchmark of chosen(options)) {
    try {
      const measured = await measure(benchmark, times);
      if (options.docs) writePage(join(root, "docs/benchmarks.md"), measured);
      all.push(...measured);
    } catch (error) {
      failed++;
      say(`  ${benchmark.name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  await releaseSharedCluster();
  const result = all.map(({ figure, ...rest }) => ({
    ...figure,
    median: median(figure.runs),
    ratio: ratio(figure),
    reached: reached(figure),
    ...rest,
  }));
  const text = `${JSON.stringify(result, null, 2)}\n`;
  if (options.json === undefined) process.stdout.write(text);
  else await writeFile(options.json, text);
  const missed = all.filter(({ figure }) => reached(figure) === false).length;
  if (missed > 0) say(`${missed} of ${all.length} figures miss their target`);
  return failed > 0 ? 2 : missed > 0 ? 1 : 0;
}

const command = new Command("bench")
  .description("measures what Ballast promises; exits with 1 when a target is missed, with 2 when a benchmark fails")
  .option("--only <name...>", "only these")
  .option("--list", "say which there are")
  .option("--json <file>", "write the result there (default: standard output)")
  .option("--times <count>", "how often each measurement is taken", String(LEAST_TIMES))
  .option("--no-docs", "leave docs/benchmarks.md alone");

main(command.parse().opts<Options>()).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  },
);
