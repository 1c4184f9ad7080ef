import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FileBackend } from "../local/engine/state";
import type { Operation, ResourceState } from "../local/engine/state/store";
import { repeat } from "./child";
import { type Bench, type Benchmark, type Figure, median } from "./figure";

const LEAST = 250;
const MOST = 2000;
const COUNTS = [LEAST, 500, 1000, MOST] as const;

interface Written {
  readonly seconds: number;
  /** Of the processor, which other work on the machine does not lengthen as it does the clock's. */
  readonly busySeconds: number;
  readonly bytes: number;
}

/** Bytes that this process has given to `write` so far. */
async function written(): Promise<number> {
  const found = /^wchar: (\d+)$/m.exec(await readFile("/proc/self/io", "utf8"))?.[1];
  if (found === undefined) throw new Error("/proc/self/io has no wchar: the bytes written cannot be counted here");
  return Number(found);
}

function configMap(index: number): ResourceState {
  const type = "kubernetes:core/v1:ConfigMap";
  const inputs = {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: `settings-${index}`, namespace: "default", labels: { app: "bench" } },
    data: { "service.name": `service-${index}`, "log.level": "info" },
  };
  const urn = `urn:pulumi:bench::bench::${type}::settings-${index}`;
  return { urn, type, custom: true, id: `default/settings-${index}`, inputs, outputs: { ...inputs } };
}

/** An update that creates `count` resources, written as the engine does: what begins, then what is. */
async function update(folder: string, count: number): Promise<Written> {
  const backend = new FileBackend({ root: folder, project: "bench", passphrase: async () => "bench" });
  const session = await backend.open("bench", { kind: "update" });
  const [started, before, busy] = [performance.now(), await written(), process.cpuUsage()];
  for (let index = 0; index < count; index++) {
    const resource = configMap(index);
    const operation: Operation = { resource, type: "creating" };
    await session.apply({ kind: "begin", operation });
    await session.apply({ kind: "put", resource, operation });
  }
  await session.close("succeeded", { create: count });
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(busy);
  return { seconds, busySeconds: (user + system) / 1e6, bytes: (await written()) - before };
}

async function at(bench: Bench, count: number): Promise<{ count: number; runs: Written[] }> {
  const runs = await repeat(bench.times, (turn) => update(join(bench.folder, `state-${count}-${turn}`), count));
  bench.say(
    `${count} resources: ${runs.map(({ seconds, busySeconds }) => `${seconds.toFixed(2)} (${busySeconds.toFixed(2)} busy)`).join(", ")} s`,
  );
  return { count, runs };
}

export const state: Benchmark = {
  name: "state",
  description: `state writes of an update that creates ${COUNTS.join(", ")} resources, to show that they grow in proportion`,
  async run(bench): Promise<Figure[]> {
    // What the first run compiles is no part of what writing costs.
    await update(join(bench.folder, "warm-up"), LEAST);
    const measured: Awaited<ReturnType<typeof at>>[] = [];
    for (const count of COUNTS) measured.push(await at(bench, count));
    const perResource = measured.map(({ count, runs }) => ({
      busy: runs.map(({ busySeconds }) => busySeconds / count),
      bytes: runs.map(({ bytes }) => bytes / count),
    }));
    const [first, last] = [perResource[0], perResource.at(-1)];
    if (first === undefined || last === undefined) throw new Error("no size was measured");
    return [
      ...measured.flatMap(({ count, runs }, index): Figure[] => [
        { name: `state: time to write ${count} resources`, unit: "s", runs: runs.map(({ seconds }) => seconds) },
        {
          name: `state: processor time to write ${count} resources`,
          unit: "s",
          runs: runs.map(({ busySeconds }) => busySeconds),
        },
        { name: `state: bytes a resource at ${count}`, unit: "B", runs: perResource[index]?.bytes ?? [] },
      ]),
      {
        name: `state: growth of the processor time a resource, ${LEAST} to ${MOST}`,
        unit: "×",
        runs: [median(last.busy) / median(first.busy)],
        target: { of: "median", most: 2 },
        remark: `1 is proportional; the square would be ${MOST / LEAST}`,
      },
      {
        name: `state: growth of the bytes a resource, ${LEAST} to ${MOST}`,
        unit: "×",
        runs: [median(last.bytes) / median(first.bytes)],
        target: { of: "median", most: 2 },
        remark: `1 is proportional; the square would be ${MOST / LEAST}`,
      },
    ];
  },
};
