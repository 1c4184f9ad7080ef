import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Bench, Figure } from "../figure";
import type { TaskDbGround } from "./ground";
import { pgbench } from "./writes";

/** Gates of the smallest and the largest set: what a run costs must not grow from one to the other. */
export const GATE_SIZES = [10_000, 100_000, 3_000_000] as const;
const MOST = 1.5;
const TRANSACTIONS = 1500;

/** A single run inserted with the triggers that keep the derived status, and without. */
export async function statusUpkeep(bench: Bench, ground: TaskDbGround, gates: number): Promise<Figure[]> {
  await ground.query(
    `CREATE TABLE bench_tasks AS SELECT id, (row_number() OVER ())::int AS n FROM (SELECT id FROM tasks ORDER BY random() LIMIT 10000) t`,
  );
  await ground.query("CREATE UNIQUE INDEX ON bench_tasks (n)");
  const [{ count = 0 } = {}] = await ground.query("SELECT count(*)::int AS count FROM bench_tasks");
  const script = join(bench.folder, "insert-run.sql");
  await writeFile(
    script,
    `\\set n random(1, ${Number(count)})\nINSERT INTO runs (task_id, status) SELECT id, 'completed' FROM bench_tasks WHERE n = :n;\n`,
  );
  const measure = async (triggers: "ENABLE" | "DISABLE"): Promise<number> => {
    await ground.query(`ALTER TABLE runs ${triggers} TRIGGER USER`);
    return 1000 / (await pgbench(script, ground, 1, TRANSACTIONS));
  };
  await measure("ENABLE");
  const [kept, bare]: [number[], number[]] = [[], []];
  for (let round = 0; round < bench.times; round++) {
    bare.push(await measure("DISABLE"));
    kept.push(await measure("ENABLE"));
  }
  await ground.query("ALTER TABLE runs ENABLE TRIGGER USER");
  await ground.query("DROP TABLE bench_tasks");
  return [
    {
      name: `taskdb: insertion of a run with its status kept, at ${gates} gates`,
      unit: "ms",
      runs: kept,
      peer: { name: "without triggers", runs: bare },
      target: { of: "ratio", most: MOST },
      remark: `pgbench -M prepared, one client, ${TRANSACTIONS} transactions a run`,
    },
  ];
}
