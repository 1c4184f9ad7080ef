import { join } from "node:path";
import type { PolicyResource, PolicyRunner } from "../local/engine/policy/policy";
import { startPolicyPack } from "../local/engine/policy/runner";
import type { PropertyMap } from "../local/engine/values";
import { rulesOf } from "../policies/pack";
import { container, deploymentProps, LABELS, podSpec, type Properties, resource, run } from "../policies/testing";
import { repeat } from "./child";
import type { Benchmark, Figure } from "./figure";
import { root } from "./program";

const SIZES = [200, 500, 1000, 2000] as const;
const [SMALLEST] = SIZES;
const LARGEST = 2000;
const AT_ONCE = 16;
const STACK = "dev";
/** A growth by more than the machine's own unsteadiness would be of the wrong order: that of the square is 10×. */
const MOST_GROWTH = 2;

interface Kind {
  readonly type: string;
  props(name: string): Properties;
}

const metadata = (name: string): Properties => ({ name, namespace: "shop", labels: LABELS });

/** What a service of the platform consists of; the stack is so many of them, all in one namespace. */
const KINDS: readonly Kind[] = [
  {
    type: "kubernetes:apps/v1:Deployment",
    props: (name) => {
      const spec = podSpec({ containers: [container(), container({ name: "exporter" })] });
      const template = { metadata: { labels: { app: name } }, spec };
      const props = deploymentProps(spec, { replicas: 2, template });
      return { ...props, metadata: { ...(props["metadata"] as Properties), name } };
    },
  },
  {
    type: "kubernetes:core/v1:Service",
    props: (name) => ({ metadata: metadata(name), spec: { selector: { app: name }, ports: [{ port: 80 }] } }),
  },
  {
    type: "kubernetes:policy/v1:PodDisruptionBudget",
    props: (name) => ({
      metadata: metadata(name),
      spec: { maxUnavailable: 1, selector: { matchLabels: { app: name } } },
    }),
  },
  {
    type: "kubernetes:core/v1:ServiceAccount",
    props: (name) => ({ metadata: metadata(name), automountServiceAccountToken: false }),
  },
  {
    type: "kubernetes:core/v1:ConfigMap",
    props: (name) => ({ metadata: metadata(name), data: { "app.conf": "port = 80\nlog = info\n" } }),
  },
];

interface Declared {
  readonly type: string;
  readonly name: string;
  readonly props: Properties;
}

function declared(count: number): Declared[] {
  return Array.from({ length: count }, (_, index) => {
    const kind = KINDS[index % KINDS.length];
    if (kind === undefined) throw new Error("there are no kinds");
    const name = `web-${Math.floor(index / KINDS.length)}`;
    return { type: kind.type, name, props: kind.props(name) };
  });
}

const forEngine = ({ type, name, props }: Declared): PolicyResource => ({
  urn: `urn:pulumi:${STACK}::shop::${type}::${name}`,
  type,
  name,
  properties: props as unknown as PropertyMap,
  dependencies: [],
  propertyDependencies: {},
});

/** Milliseconds a resource. */
interface Times {
  readonly resource: number;
  readonly stack: number;
}

async function through(pack: PolicyRunner, count: number): Promise<Times> {
  const resources = declared(count).map(forEngine);
  const started = performance.now();
  const queue = [...resources];
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if ((await pack.analyze(next)) > 0)
        throw new Error(`${next.urn} breaks a rule: this would measure something else`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const analyzed = performance.now();
  await pack.analyzeStack(resources);
  const ended = performance.now();
  return { resource: (analyzed - started) / count, stack: (ended - analyzed) / count };
}

interface Run {
  /** Seconds. */
  readonly start: number;
  readonly times: ReadonlyMap<number, Times>;
}

async function measurePack(): Promise<Run> {
  const started = performance.now();
  const pack = await startPolicyPack({
    directory: join(root, "policies"),
    config: {},
    project: "shop",
    stack: STACK,
    organization: "organization",
    dryRun: true,
    events: () => undefined,
    signal: new AbortController().signal,
  });
  try {
    const start = (performance.now() - started) / 1000;
    // Code that has not run yet is slower than the same code later.
    await through(pack, SMALLEST);
    const times = new Map<number, Times>();
    for (const size of SIZES) times.set(size, await through(pack, size));
    return { start, times };
  } finally {
    await pack.close();
  }
}

/** Milliseconds of processor time a resource, by rule and number of resources, in this process. */
async function measureRules(): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const bySize = SIZES.map((size) =>
    declared(size).map(({ type, name, props }) => resource(type, props, STACK, { name })),
  );
  const result = new Map<string, Map<number, number>>();
  for (const rule of rulesOf([])) {
    const times = new Map<number, number>();
    result.set(rule.name, times);
    await run(rule, bySize[0] ?? [], { stack: STACK });
    for (const resources of bySize) {
      const before = process.cpuUsage();
      await run(rule, resources, { stack: STACK });
      const { user, system } = process.cpuUsage(before);
      times.set(resources.length, (user + system) / 1000 / resources.length);
    }
  }
  return result;
}

const CHECKS = {
  resource: "check of one resource",
  stack: "check of the stack, a resource of it",
} as const;

function packFigures(runs: readonly Run[]): Figure[] {
  const start = {
    name: "policies: start of the pack",
    unit: "s",
    runs: runs.map((each) => each.start),
    remark: "the first run also compiles what changed",
  };
  const figures = (["resource", "stack"] as const).flatMap((check) => {
    const of = (size: number): number[] => runs.map(({ times }) => times.get(size)?.[check] ?? Number.NaN);
    return SIZES.map((size): Figure => ({
      name: `policies: ${CHECKS[check]}, of ${size}`,
      unit: "ms",
      runs: of(size),
      remark: `${rulesOf([]).length} rules${check === "resource" ? `, ${AT_ONCE} at once` : ""}`,
      ...(size === LARGEST && {
        peer: { name: `of ${SMALLEST}`, runs: of(SMALLEST) },
        target: { of: "ratio", most: MOST_GROWTH },
      }),
    }));
  });
  return [start, ...figures];
}

function ruleFigures(runs: readonly ReadonlyMap<string, ReadonlyMap<number, number>>[]): Figure[] {
  const names = [...(runs[0]?.keys() ?? [])];
  const of = (rule: string, size: number): number[] =>
    runs.map((each) => (each.get(rule)?.get(size) ?? Number.NaN) * 1000);
  return names.map((rule) => ({
    name: `policies: rule ${rule}`,
    unit: "µs",
    runs: of(rule, LARGEST),
    peer: { name: `of ${SMALLEST}`, runs: of(rule, SMALLEST) },
    remark: `processor time a resource, of ${LARGEST}; ${SIZES.slice(1, -1)
      .map(
        (size) =>
          `of ${size}: ${of(rule, size)
            .map((time) => time.toPrecision(2))
            .join(", ")}`,
      )
      .join("; ")}`,
  }));
}

export const policies: Benchmark = {
  name: "policies",
  description: `the policy pack: its start, and its checks of stacks of ${SIZES.join(", ")} resources, rule by rule too`,
  async run(bench): Promise<Figure[]> {
    const packs = await repeat(bench.times, measurePack);
    const rules = await repeat(bench.times, measureRules);
    return [...packFigures(packs), ...ruleFigures(rules)];
  },
};
