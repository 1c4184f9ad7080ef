import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ran } from "../child";
import { type Bench, type Figure, median } from "../figure";
import { type Running, succeeded, type TaskDbGround } from "./ground";
import { Wire } from "./wire";

const WRITERS = 100;
const OPERATIONS = 1000;
const PGBENCH = "/usr/lib/postgresql/15/bin/pgbench";
/** Transactions of each of pgbench's clients in a round. */
const PEER_TRANSACTIONS = 200;
const TITLE = "Written by the benchmark";

const body = (writer: number, operation: number) => ({
  title: `${TITLE} ${writer}/${operation}`,
  description: "A task of the benchmark.",
  policy_version: "1.1.0",
  priority: "medium",
});

/** Writers at once through the API, in as many rounds as the measurement has, beside pgbench with the service's own statement. */
export async function concurrentWrites(bench: Bench, ground: TaskDbGround, service: Running): Promise<Figure[]> {
  succeeded(await service.post("/api/v1/tasks", { ...body(0, 0), title: "Before the benchmark" }));
  const script = join(bench.folder, "create-task.sql");
  await writeFile(script, await statementOfService(ground));
  const wires = await Promise.all(Array.from({ length: WRITERS }, () => Wire.open(service.origin)));
  const [ours, peers]: [number[], number[]] = [[], []];
  for (let round = 0; round < bench.times; round++) {
    const [from, to] = [round, round + 1].map((part) => Math.round((part * OPERATIONS) / bench.times)) as [
      number,
      number,
    ];
    const started = performance.now();
    await Promise.all(
      wires.map(async (wire, writer) => {
        for (let operation = from; operation < to; operation++)
          await wire.create("/api/v1/tasks", JSON.stringify(body(writer, operation)));
      }),
    );
    ours.push((WRITERS * (to - from)) / ((performance.now() - started) / 1000));
    peers.push(await pgbench(script, ground, WRITERS, PEER_TRANSACTIONS));
    bench.say(`${ours.at(-1)?.toFixed(0)} tasks/s through the API, ${peers.at(-1)?.toFixed(0)} by pgbench`);
  }
  for (const wire of wires) wire.close();
  const [found] = await ground.query(
    "SELECT count(*)::int AS rows, count(DISTINCT title)::int AS titles FROM tasks WHERE title LIKE $1",
    [`${TITLE} %/%`],
  );
  const wanted = WRITERS * OPERATIONS;
  const [rows, titles] = [Number(found?.rows), Number(found?.titles)];
  return [
    {
      name: `taskdb: tasks lost or doubled, of ${WRITERS} writers × ${OPERATIONS} operations`,
      unit: "tasks",
      runs: [wanted - titles + (rows - titles)],
      target: { of: "maximum", most: 0 },
      remark: `${rows} rows with ${titles} titles`,
    },
    {
      name: "taskdb: time of a task written, of pgbench's for the same statement",
      unit: "ms",
      runs: ours.map((rate) => 1000 / rate),
      peer: { name: `pgbench -M prepared, ${WRITERS} clients`, runs: peers.map((rate) => 1000 / rate) },
      // 60 % of its throughput.
      target: { of: "ratio", most: 1 / 0.6 },
      remark: `${median(ours).toFixed(0)} tasks a second through the API, ${median(peers).toFixed(0)} by pgbench: ${((100 * median(ours)) / median(peers)).toFixed(0)} %`,
    },
  ];
}

/** The very statement that the service sent last to create one task (not a group of them), with values in place of its parameters. */
async function statementOfService(ground: TaskDbGround): Promise<string> {
  const [row] = await ground.query(
    `SELECT query FROM pg_stat_activity WHERE application_name = 'taskdb' AND query LIKE '%INSERT INTO "tasks"%VALUES%task.created%' LIMIT 1`,
  );
  const text = String(row?.query ?? "");
  const columns = /INSERT INTO "tasks" \(([^)]*)\)/.exec(text)?.[1]?.split(/,\s*/) ?? [];
  if (columns.length === 0) throw new Error("no connection of the service has created a task last");
  const values: Readonly<Record<string, string>> = {
    id: "gen_random_uuid()",
    title: "'By pgbench'",
    description: "'A task of the benchmark.'",
    status: "'pending'",
    priority: "'medium'",
    policy_version: "'1.1.0'",
  };
  const value = (index: number): string => {
    const column = columns[index - 1]?.replaceAll('"', "");
    return column === undefined ? "'by pgbench'" : (values[column] ?? "NULL");
  };
  // In pgbench's scripts a colon begins a variable, in a literal too.
  const plain = text.replaceAll(/:(?=MI|SS)/g, "'||chr(58)||'");
  return `${plain.replaceAll(/\$(\d+)/g, (_, index: string) => value(Number(index))).replaceAll(/\s+/g, " ")};\n`;
}

/** Transactions a second. */
export async function pgbench(
  script: string,
  ground: TaskDbGround,
  clients: number,
  transactions: number,
  ...more: readonly string[]
): Promise<number> {
  const args = [
    "-n",
    "-M",
    "prepared",
    "-c",
    String(clients),
    "-j",
    "2",
    "-t",
    String(transactions),
    "-f",
    script,
    ...more,
  ];
  const { stdout } = await ran(PGBENCH, args, ground.environment);
  const rate = Number(/^tps = ([\d.]+) /m.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`pgbench said no rate:\n${stdout}`);
  return rate;
}
