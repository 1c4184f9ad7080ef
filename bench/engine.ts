import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ran, repeat } from "./child";
import { benchCluster, type BenchCluster } from "./cluster";
import type { Bench, Benchmark, Figure } from "./figure";
import { configMapManifest, configMapProject } from "./program";

const COUNT = 300;
const OFFLINE_COUNT = 500;
const MEMORY_COUNT = 1000;

interface Operation {
  readonly seconds: number;
  readonly peakMiB: number;
  readonly changes: Readonly<Record<string, number>>;
}

async function operate(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Operation> {
  const script = join(__dirname, "operation.ts");
  const { seconds, stdout } = await ran(
    process.execPath,
    ["--import", "tsx", script, ...args],
    env,
    join(__dirname, ".."),
  );
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return { seconds, ...(JSON.parse(last) as Omit<Operation, "seconds">) };
}

/** A measurement of the wrong work would be worth nothing. */
function expectChanges(operation: Operation, kind: string, least: number): Operation {
  if ((operation.changes[kind] ?? 0) >= least) return operation;
  throw new Error(`expected ${least} × ${kind}, and it did ${JSON.stringify(operation.changes)}`);
}

/** Runs `work` with an empty namespace, and removes it whatever comes of it. */
async function withNamespace<T>(cluster: BenchCluster, name: string, work: () => Promise<T>): Promise<T> {
  await cluster.kubectl("create", "namespace", name);
  try {
    return await work();
  } finally {
    // Its objects go at once; the namespace itself only where a controller runs that finishes it.
    await cluster.kubectl("delete", "configmaps", "--all", "--namespace", name);
    await cluster.kubectl("delete", "namespace", name, "--wait=false");
  }
}

interface Round {
  readonly up: number;
  readonly noop: number;
  readonly direct: number;
  readonly apply: number;
  readonly applyNoop: number;
}

async function round(bench: Bench, cluster: BenchCluster, turn: number): Promise<Round> {
  const id = `bench-${process.pid}-${turn}`;
  const inEngine = async (label: string, ...more: string[]): Promise<[number, number]> => {
    const namespace = `${id}-${label}`;
    const folder = join(bench.folder, namespace);
    await configMapProject(folder, COUNT, namespace);
    return withNamespace(cluster, namespace, async () => {
      const up = expectChanges(await operate(["up", folder, ...more], cluster.env), "create", COUNT);
      const noop = expectChanges(await operate(["up", folder, ...more], cluster.env), "same", COUNT);
      return [up.seconds, noop.seconds];
    });
  };
  const [up, noop] = await inEngine("up");
  const [direct] = await inEngine("direct", "skip-preview");
  const manifest = join(bench.folder, `${id}.json`);
  await writeFile(manifest, configMapManifest(COUNT, `${id}-kubectl`));
  const [apply, applyNoop] = await withNamespace(cluster, `${id}-kubectl`, async () => {
    const args = ["apply", "--server-side", "--filename", manifest];
    return [(await cluster.kubectl(...args)).seconds, (await cluster.kubectl(...args)).seconds];
  });
  bench.say(
    `up ${up.toFixed(1)} s, no-op ${noop.toFixed(1)} s, without preview ${direct.toFixed(1)} s; kubectl ${apply.toFixed(1)} s, no-op ${applyNoop.toFixed(1)} s`,
  );
  return { up, noop, direct, apply, applyNoop };
}

export const engineUp: Benchmark = {
  name: "engine-up",
  description: `up of ${COUNT} ConfigMaps, whole process, beside kubectl apply --server-side of the same objects`,
  async run(bench) {
    const cluster = await benchCluster();
    const rounds = await repeat(bench.times, (turn) => round(bench, cluster, turn));
    const of = (key: keyof Round): number[] => rounds.map((each) => each[key]);
    const peer = { name: "kubectl apply --server-side", runs: of("apply") };
    return [
      {
        name: `engine: up of ${COUNT} ConfigMaps`,
        unit: "s",
        runs: of("up"),
        peer,
        target: { of: "ratio", most: 3 },
        remark: "with its preview",
      },
      {
        name: `engine: up --skip-preview of ${COUNT} ConfigMaps`,
        unit: "s",
        runs: of("direct"),
        peer,
        target: { of: "ratio", most: 3 },
      },
      {
        name: `engine: no-op up of ${COUNT} ConfigMaps`,
        unit: "s",
        runs: of("noop"),
        peer: { name: "kubectl apply --server-side, nothing to do", runs: of("applyNoop") },
        target: { of: "ratio", most: 2 },
      },
    ];
  },
};

export const engineOffline: Benchmark = {
  name: "engine-offline",
  description: `offline preview of a program of ${OFFLINE_COUNT} resources, whole process`,
  async run(bench): Promise<Figure[]> {
    const folder = join(bench.folder, "offline");
    await configMapProject(folder, OFFLINE_COUNT, "default");
    const runs = await repeat(
      bench.times,
      async () => expectChanges(await operate(["offline", folder]), "create", OFFLINE_COUNT).seconds,
    );
    return [
      {
        name: `engine: offline preview of ${OFFLINE_COUNT} resources`,
        unit: "s",
        runs,
        target: { of: "median", most: 10 },
      },
    ];
  },
};

export const engineMemory: Benchmark = {
  name: "engine-memory",
  description: `peak memory of the engine's process over an up of ${MEMORY_COUNT} resources`,
  async run(bench): Promise<Figure[]> {
    const cluster = await benchCluster();
    const runs = await repeat(bench.times, async (turn) => {
      const namespace = `bench-${process.pid}-memory-${turn}`;
      const folder = join(bench.folder, namespace);
      await configMapProject(folder, MEMORY_COUNT, namespace);
      const { peakMiB } = await withNamespace(cluster, namespace, async () =>
        expectChanges(await operate(["up", folder], cluster.env), "create", MEMORY_COUNT),
      );
      await rm(folder, { recursive: true });
      return peakMiB;
    });
    return [
      {
        name: `engine: peak memory at ${MEMORY_COUNT} resources`,
        unit: "MiB",
        runs,
        target: { of: "maximum", most: 300 },
        remark: "resident, the engine's process without the program's",
      },
    ];
  },
};
