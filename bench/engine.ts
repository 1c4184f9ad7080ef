import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Ran, ran, repeat } from "./child";
import { benchCluster, type BenchCluster } from "./cluster";
import type { Bench, Benchmark, Figure, Target } from "./figure";
import { configMapManifest, configMapProject, root } from "./program";

const COUNT = 300;
const OFFLINE_COUNT = 500;
const MEMORY_COUNT = 1000;

type Times = Omit<Ran, "stdout">;

interface Operation extends Times {
  readonly peakMiB: number;
  readonly changes: Readonly<Record<string, number>>;
}

async function operate(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Operation> {
  const script = join(__dirname, "operation.mjs");
  const { stdout, ...times } = await ran(process.execPath, [script, ...args], env, root);
  const last = stdout.trim().split("\n").at(-1) ?? "";
  return { ...times, ...(JSON.parse(last) as Pick<Operation, "peakMiB" | "changes">) };
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
    await cluster.kubectl("delete", "--raw", `/api/v1/namespaces/${name}/configmaps`);
    await cluster.kubectl("delete", "namespace", name, "--wait=false");
  }
}

type Round = Readonly<Record<"up" | "noop" | "direct" | "apply" | "applyNoop", Times>>;

async function round(bench: Bench, cluster: BenchCluster, turn: number): Promise<Round> {
  const id = `bench-${process.pid}-${turn}`;
  const inEngine = async (label: string, ...more: string[]): Promise<[Times, Times]> => {
    const namespace = `${id}-${label}`;
    const folder = join(bench.folder, namespace);
    await configMapProject(folder, COUNT, namespace);
    return withNamespace(cluster, namespace, async () => [
      expectChanges(await operate(["up", folder, ...more], cluster.env), "create", COUNT),
      expectChanges(await operate(["up", folder, ...more], cluster.env), "same", COUNT),
    ]);
  };
  const [up, noop] = await inEngine("up");
  const [direct] = await inEngine("direct", "skip-preview");
  const manifest = join(bench.folder, `${id}.json`);
  await writeFile(manifest, configMapManifest(COUNT, `${id}-kubectl`));
  const [apply, applyNoop] = await withNamespace(cluster, `${id}-kubectl`, async (): Promise<[Times, Times]> => {
    const args = ["apply", "--server-side", "--filename", manifest];
    return [await cluster.kubectl(...args), await cluster.kubectl(...args)];
  });
  const result: Round = { up, noop, direct, apply, applyNoop };
  const shown = Object.entries(result).map(
    ([name, { seconds, busySeconds }]) => `${name} ${seconds.toFixed(1)} s (${busySeconds.toFixed(1)} busy)`,
  );
  bench.say(shown.join(", "));
  return result;
}

/** A figure by the clock, and one of the processor time beside it. Targets are promises about the clock. */
function timed(
  figure: Pick<Figure, "name" | "target" | "remark">,
  runs: readonly Times[],
  peer?: { readonly name: string; readonly runs: readonly Times[] },
): Figure[] {
  const of = (key: keyof Times): Pick<Figure, "unit" | "runs" | "peer"> => ({
    unit: "s",
    runs: runs.map((each) => each[key]),
    ...(peer === undefined ? {} : { peer: { name: peer.name, runs: peer.runs.map((each) => each[key]) } }),
  });
  return [
    { ...figure, ...of("seconds") },
    { name: `${figure.name}, processor time`, ...of("busySeconds") },
  ];
}

export const engineUp: Benchmark = {
  name: "engine-up",
  description: `up of ${COUNT} ConfigMaps, whole process, beside kubectl apply --server-side of the same objects`,
  async run(bench) {
    const cluster = await benchCluster();
    const rounds = await repeat(bench.times, (turn) => round(bench, cluster, turn));
    const of = (key: keyof Round): Times[] => rounds.map((each) => each[key]);
    const name = "kubectl apply --server-side";
    const create = { name, runs: of("apply") };
    const same = { name: `${name}, nothing to do`, runs: of("applyNoop") };
    const three: Target = { of: "ratio", most: 3 };
    return [
      ...timed(
        { name: `engine: up of ${COUNT} ConfigMaps`, target: three, remark: "with its preview" },
        of("up"),
        create,
      ),
      ...timed({ name: `engine: up --skip-preview of ${COUNT} ConfigMaps`, target: three }, of("direct"), create),
      ...timed({ name: `engine: no-op up of ${COUNT} ConfigMaps`, target: { of: "ratio", most: 2 } }, of("noop"), same),
    ];
  },
};

export const engineOffline: Benchmark = {
  name: "engine-offline",
  description: `offline preview of a program of ${OFFLINE_COUNT} resources, whole process`,
  async run(bench): Promise<Figure[]> {
    const folder = join(bench.folder, "offline");
    await configMapProject(folder, OFFLINE_COUNT, "default");
    const runs = await repeat(bench.times, async () =>
      expectChanges(await operate(["offline", folder]), "create", OFFLINE_COUNT),
    );
    return timed(
      { name: `engine: offline preview of ${OFFLINE_COUNT} resources`, target: { of: "median", most: 10 } },
      runs,
    );
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
