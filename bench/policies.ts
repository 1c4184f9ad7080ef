import { join } from "node:path";
import type { PolicyResource } from "../local/engine/policy/policy";
import { startPolicyPack } from "../local/engine/policy/runner";
import type { PropertyMap } from "../local/engine/values";
import { container, podSpec } from "../policies/testing";
import { repeat } from "./child";
import type { Benchmark, Figure } from "./figure";
import { root } from "./program";

const COUNT = 500;
const AT_ONCE = 16;
const TYPE = "kubernetes:apps/v1:Deployment";

function deployment(index: number): PolicyResource {
  const spec = podSpec({ containers: [container(), container({ name: "exporter" })] });
  const template = { metadata: { labels: { app: `web-${index}` } }, spec };
  const properties = { metadata: { name: `web-${index}`, namespace: "shop" }, spec: { replicas: 1, template } };
  const urn = `urn:pulumi:local::ballast::${TYPE}::web-${index}`;
  return {
    urn,
    type: TYPE,
    name: `web-${index}`,
    properties: properties as unknown as PropertyMap,
    dependencies: [],
    propertyDependencies: {},
  };
}

interface Run {
  readonly start: number;
  readonly resource: number;
  readonly stack: number;
}

async function measure(): Promise<Run> {
  const resources = Array.from({ length: COUNT }, (_, index) => deployment(index));
  const started = performance.now();
  const pack = await startPolicyPack({
    directory: join(root, "policies"),
    config: {},
    project: "ballast",
    stack: "local",
    organization: "organization",
    dryRun: true,
    events: () => undefined,
    signal: new AbortController().signal,
  });
  try {
    const ready = performance.now();
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
    return { start: (ready - started) / 1000, resource: (analyzed - ready) / COUNT, stack: (ended - analyzed) / 1000 };
  } finally {
    await pack.close();
  }
}

export const policies: Benchmark = {
  name: "policies",
  description: `the policy pack: its start, and its check of ${COUNT} Deployments of two containers, ${AT_ONCE} at once`,
  async run(bench): Promise<Figure[]> {
    const runs = await repeat(bench.times, measure);
    return [
      {
        name: "policies: start of the pack",
        unit: "s",
        runs: runs.map(({ start }) => start),
        remark: "the first run also compiles what changed",
      },
      {
        name: "policies: check of one resource",
        unit: "ms",
        runs: runs.map(({ resource }) => resource),
        remark: `${COUNT} Deployments, ${AT_ONCE} at once`,
      },
      { name: `policies: check of a stack of ${COUNT} Deployments`, unit: "s", runs: runs.map(({ stack }) => stack) },
    ];
  },
};
