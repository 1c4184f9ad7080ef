import { setTimeout as delay } from "node:timers/promises";
import { type Bench, type Figure, median } from "../figure";
import { type Running, succeeded, type TaskDbGround } from "./ground";
import { paced } from "./pace";

const MINUTES = 10;
/** Until then the process still takes what it needs. */
const WARM_MINUTES = 3;
const SAMPLE_SECONDS = 5;
const READERS = { clients: 20, rate: 100 };
const WRITERS = { clients: 20, rate: 40 };
/** The last third against the first one after the warm-up. */
const MOST_GROWTH = 1.1;

/** Memory of the service over ten minutes of steady reads and writes. */
export async function soak(bench: Bench, ground: TaskDbGround, service: Running): Promise<Figure[]> {
  const tasks = await ground.tasks(2000);
  const task = (turn: number): string => tasks[turn % tasks.length] ?? "";
  const seconds = MINUTES * 60;
  const samples: number[] = [];
  const load = Promise.all([
    paced(READERS, seconds, async (turn) => succeeded(await service.get(`/api/v1/tasks/${task(turn)}/status`))),
    paced(WRITERS, seconds, async (turn) =>
      succeeded(await service.post(`/api/v1/tasks/${task(turn)}/runs`, { status: "completed" })),
    ),
  ]);
  for (let at = 0; at < seconds; at += SAMPLE_SECONDS) {
    samples.push(await service.memory());
    await delay(SAMPLE_SECONDS * 1000);
  }
  await load;
  const warm = samples.slice((WARM_MINUTES * 60) / SAMPLE_SECONDS);
  const third = Math.floor(warm.length / 3);
  const [first, last] = [warm.slice(0, third), warm.slice(-third)];
  bench.say(`memory ${median(first).toFixed(0)} MiB, then ${median(last).toFixed(0)} MiB`);
  return [
    {
      name: `taskdb: memory of the service at the end of ${MINUTES} minutes of load`,
      unit: "MiB",
      runs: [median(last)],
      peer: { name: `after ${WARM_MINUTES} minutes`, runs: [median(first)] },
      target: { of: "ratio", most: MOST_GROWTH },
      remark: `${READERS.rate} reads and ${WRITERS.rate} writes a second, resident, sampled every ${SAMPLE_SECONDS} s; at most ${Math.max(...samples).toFixed(0)} MiB`,
    },
  ];
}
