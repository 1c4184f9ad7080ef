import { missing } from "../services/taskdb/store/testing/server";
import type { Bench, Benchmark, Figure } from "./figure";
import { TaskDbGround } from "./taskdb/ground";
import { provenance, statusReads } from "./taskdb/reads";
import { soak } from "./taskdb/soak";
import { GATE_SIZES, statusUpkeep } from "./taskdb/upkeep";
import { concurrentWrites } from "./taskdb/writes";

/** The documents' size (T-63); its default is the generator's. */
const FULL = { tasks: 100_000, gates: 3_000_000 };
const GATES_A_TASK = FULL.gates / FULL.tasks;
/** Another size, in tasks, to try the benchmark itself; its figures then stand for that size only. */
const CHOICE = "BALLAST_BENCH_TASKS";
const LOAD_MOST_SECONDS = 600;

function chosenTasks(): number {
  const text = process.env[CHOICE] ?? String(FULL.tasks);
  if (!/^[1-9]\d{1,6}$/.test(text)) throw new Error(`${CHOICE}: "${text}" must be a whole number of tasks, 10 or more`);
  return Number(text);
}

async function withGround<T>(bench: Bench, tasks: number, work: (ground: TaskDbGround) => Promise<T>): Promise<T> {
  const unfit = missing();
  if (unfit !== undefined) throw new Error(unfit);
  bench.say(`loading ${tasks} tasks …`);
  const ground = await TaskDbGround.start(bench.folder, { tasks });
  try {
    return await work(ground);
  } finally {
    await ground.remove();
  }
}

export const taskdb: Benchmark = {
  name: "taskdb",
  description:
    "the task database at the documents' size: load, reads, provenance, writes beside pgbench, upkeep of the derived status",
  async run(bench) {
    const tasks = chosenTasks();
    const figures = await withGround(bench, tasks, async (ground): Promise<Figure[]> => {
      bench.say(`loaded in ${ground.loadSeconds.toFixed(0)} s`);
      const service = await ground.serve();
      return [
        {
          name: `taskdb: load of ${tasks} tasks with all that belongs to them`,
          unit: "s",
          runs: [ground.loadSeconds],
          target: { of: "maximum", most: LOAD_MOST_SECONDS },
          remark: "by the generator, 1M runs, 3M gates, 500k artifacts and 10M events for 100,000 tasks",
        },
        ...(await statusReads(bench, ground, service)),
        ...(await concurrentWrites(bench, ground, service)),
        ...(await statusUpkeep(bench, ground, tasks * GATES_A_TASK)),
        ...(await provenance(bench, ground, service)),
      ];
    });
    for (const gates of GATE_SIZES) {
      if (gates >= tasks * GATES_A_TASK) continue;
      const small = Math.ceil(gates / GATES_A_TASK);
      figures.push(...(await withGround(bench, small, (ground) => statusUpkeep(bench, ground, gates))));
    }
    return figures;
  },
};

const SOAK_TASKS = 1000;

export const taskdbSoak: Benchmark = {
  name: "taskdb-soak",
  description: "memory of the task database's service over ten minutes",
  run: (bench) => withGround(bench, SOAK_TASKS, async (ground) => soak(bench, ground, await ground.serve())),
};
