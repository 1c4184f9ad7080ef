import type { Bench, Figure } from "../figure";
import { repeat } from "../child";
import { type Running, succeeded, type TaskDbGround } from "./ground";
import { paced, quantile } from "./pace";

const READERS = { clients: 50, rate: 250 };
const WRITERS = { clients: 100, rate: 100 };
const SECONDS = 20;
const WARM_SECONDS = 5;
const CLAIMS = 10;
const VERIFICATIONS = 200;
const REPORTS = 50;

/** Derived statuses read beside writers. Of the same statement the server itself says how long it took. */
export async function statusReads(bench: Bench, ground: TaskDbGround, service: Running): Promise<Figure[]> {
  const tasks = await ground.tasks(5000);
  const task = (turn: number): string => tasks[(turn * 7919) % tasks.length] ?? "";
  const read = async (turn: number) => succeeded(await service.get(`/api/v1/tasks/${task(turn)}/status`));
  const write = async (turn: number) =>
    succeeded(await service.post(`/api/v1/tasks/${task(turn + 1)}/runs`, { status: "completed" }));
  const both = async (seconds: number): Promise<number[]> =>
    (await Promise.all([paced(READERS, seconds, read), paced(WRITERS, seconds, write)]))[0];
  await both(WARM_SECONDS);
  await ground.query("SELECT pg_stat_statements_reset()");
  const p95 = await repeat(bench.times, async () => quantile(await both(SECONDS), 0.95));
  const [statement] = await ground.query(
    `SELECT mean_exec_time, max_exec_time, calls FROM pg_stat_statements
     WHERE query LIKE '%FROM task_status_derived_mv WHERE task_id = $%' ORDER BY calls DESC LIMIT 1`,
  );
  bench.say(`P95 of status reads: ${p95.map((value) => value.toFixed(2)).join(", ")} ms`);
  return [
    {
      name: "taskdb: P95 of a derived-status read through the API",
      unit: "ms",
      runs: p95,
      target: { of: "median", most: 5 },
      remark: `${READERS.clients} readers, ${READERS.rate} reads a second, beside ${WRITERS.clients} writers, ${WRITERS.rate} runs a second; from when it was due`,
    },
    {
      name: "taskdb: the same read in the database",
      unit: "ms",
      runs: [Number(statement?.mean_exec_time)],
      target: { of: "median", most: 1 },
      remark: `mean of ${String(statement?.calls)} by pg_stat_statements, the longest ${Number(statement?.max_exec_time).toFixed(2)} ms`,
    },
  ];
}

/** Ten claims of a report verified, and reports published at the same time. */
export async function provenance(bench: Bench, ground: TaskDbGround, service: Running): Promise<Figure[]> {
  const tasks = await ground.tasks(CLAIMS);
  const claims = tasks.map((id) => `task_id:${id}`);
  const publish = async () =>
    JSON.parse(succeeded(await service.post("/api/v1/reports", { title: "Bench", claims }))) as {
      readonly id: string;
      readonly verification_snapshot_ts: string;
    };
  const { id } = await publish();
  const verify = async () => {
    const started = performance.now();
    succeeded(await service.get(`/api/v1/reports/${id}/verification`));
    return performance.now() - started;
  };
  await verify();
  const p95 = await repeat(bench.times, async () => quantile(await repeat(VERIFICATIONS, verify), 0.95));
  const stamps = await repeat(bench.times, async () => {
    const reports = await Promise.all(Array.from({ length: REPORTS }, publish));
    return new Set(reports.map(({ verification_snapshot_ts: stamp }) => stamp)).size;
  });
  return [
    {
      name: `taskdb: P95 of a provenance verification of ${CLAIMS} claims`,
      unit: "ms",
      runs: p95,
      target: { of: "median", most: 150 },
      remark: `through the API, ${VERIFICATIONS} one after another`,
    },
    {
      name: `taskdb: reports without a snapshot timestamp of their own, of ${REPORTS} published at once`,
      unit: "reports",
      runs: stamps.map((distinct) => REPORTS - distinct),
      target: { of: "maximum", most: 0 },
    },
  ];
}
