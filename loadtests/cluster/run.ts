import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ApiClient } from "../../local/engine/providers/kubernetes/connection/client";
import type { Plan } from "../plan";
import { bundle, ranOf, type Ran } from "../run";
import { SeriesCollector } from "../series/collect";
import { intervalFor } from "../series/series";
import { k6Exit } from "../verdict";
import { manifests, namespaceOf, shardedPlan, type ShardedRun } from "./manifests";
import { mergeSummaries } from "./merge";
import { create, ownSender, remove, removeLeftovers, suspend, targetOf } from "./objects";
import { ENDED_FROM_OUTSIDE, followShard } from "./shard";
import { ShardLog } from "./shardLog";

/** Seconds by which shards may begin apart, and the load still is the one that was due. */
const MOST_APART = 5;

export interface ShardedOptions {
  readonly plan: Plan;
  readonly shards: number;
  readonly client: Pick<ApiClient, "request" | "follow">;
  /** Exists; the plan, the script, the summary, the series and the shards' logs are kept there. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Told what was removed of killed runs, and what could not be, a line each. */
  readonly note: (text: string) => void;
}

/** Runs the plan by k6 in pods of the cluster, each with its share of the load, and judges what they measured together. */
export async function runInCluster(options: ShardedOptions): Promise<Ran> {
  const { client, folder, signal, note } = options;
  const plan = shardedPlan(options.plan, options.shards);
  const urls = Object.values(plan.targets).map(({ url }) => url);
  const targets = await Promise.all(urls.map((url) => targetOf(client, url)));
  const run: ShardedRun = { plan, script: await bundle(plan), targets, sender: ownSender() };
  const objects = manifests(run);
  await writeFile(join(folder, "plan.json"), `${JSON.stringify(plan, null, 2)}\n`);
  await writeFile(join(folder, "script.js"), run.script);
  for (const left of await removeLeftovers(client)) note(`what the run ${left} had left in the cluster is removed`);
  let sent: Sent;
  try {
    for (const object of objects) await create(client, object);
    sent = await send(client, run, signal);
  } finally {
    await remove(client, plan.run).catch((error: unknown) => {
      note(
        `the run ${plan.run} could not be removed from the cluster; the next one does: ${String((error as Error).message)}`,
      );
    });
  }
  return judged(sent, run, folder, signal);
}

interface Sent {
  readonly codes: readonly number[];
  readonly logs: readonly ShardLog[];
  readonly collector: SeriesCollector;
}

/** All shards to their ends. One that cannot do its share ends the others: the rest would be another load. */
async function send(client: ShardedOptions["client"], run: ShardedRun, signal: AbortSignal): Promise<Sent> {
  const { plan } = run;
  const namespace = namespaceOf(run);
  const collector = new SeriesCollector(intervalFor(plan.seconds));
  const logs = Array.from({ length: plan.shards }, () => new ShardLog((line) => collector.line(line)));
  let stopping: Promise<void> | undefined;
  const stop = () => (stopping ??= suspend(client, namespace, plan.run));
  // A failure to stop them is told where it is awaited.
  const interrupt = () => void stop().catch(() => undefined);
  signal.addEventListener("abort", interrupt, { once: true });
  if (signal.aborted) interrupt();
  try {
    const shards = logs.map(async (log, index) => {
      const shard = { client, namespace, run: plan.run, index, stopping: () => stopping !== undefined };
      try {
        const code = await followShard(shard, log);
        if (endsAll(code, plan)) await stop();
        return code;
      } catch (error) {
        await stop();
        throw error;
      }
    });
    const ends = await Promise.allSettled(shards);
    const failed = ends.find((end) => end.status === "rejected");
    if (failed) throw failed.reason as Error;
    await stopping;
    return { codes: ends.flatMap((end) => (end.status === "fulfilled" ? [end.value] : [])), logs, collector };
  } finally {
    signal.removeEventListener("abort", interrupt);
  }
}

/** Whether a shard's end is that of the run. A missed objective of one is not, unless the plan ends at the first miss. */
function endsAll(code: number, { options }: Plan): boolean {
  if (code !== k6Exit.thresholds) return code !== 0;
  return Object.values(options.thresholds).some((all) => all.some(({ abortOnFail }) => abortOnFail));
}

async function judged(
  { codes, logs, collector }: Sent,
  { plan }: ShardedRun,
  folder: string,
  signal: AbortSignal,
): Promise<Ran> {
  const series = collector.result();
  if (series) await writeFile(join(folder, "series.json"), `${JSON.stringify(series)}\n`);
  const text = logs.map(({ rest }, index) => rest.map((line) => `shard ${index}: ${line}`).join("\n")).join("\n");
  await writeFile(join(folder, "k6.log"), text);
  const errors = [...errorsOf(logs), ...apart(logs)];
  const parts = logs.map((log) => log.summary());
  const missing = parts.flatMap((part, index) => (part === undefined ? [index] : []));
  if (missing.length > 0) errors.push(`no summary came of shard ${missing.join(", ")}: what was sent is not known`);
  const whole =
    missing.length > 0
      ? undefined
      : mergeSummaries(
          parts.flatMap((part) => part ?? []),
          series,
        );
  for (const scenario of whole?.incomplete ?? [])
    errors.push(`not all samples of ${scenario} came out of the cluster: its latency is not known`);
  if (whole) await writeFile(join(folder, "summary.json"), JSON.stringify(whole.summary));
  const k6Code = codeOf(codes, plan, signal.aborted);
  return ranOf({ plan, k6Code, ...(whole && { summary: whole.summary }), ...(series && { series }), errors });
}

/** Of the run: a shard's own where it failed; whether objectives are kept is judged over all of them. */
export function codeOf(codes: readonly number[], plan: Plan, interrupted: boolean): number {
  const own = codes.find((code) => ![0, k6Exit.thresholds, ENDED_FROM_OUTSIDE].includes(code));
  if (own !== undefined) return own;
  if (interrupted) return ENDED_FROM_OUTSIDE;
  const missed = codes.find((code) => code === k6Exit.thresholds && endsAll(code, plan));
  return missed ?? (codes.includes(ENDED_FROM_OUTSIDE) ? ENDED_FROM_OUTSIDE : 0);
}

/** What k6 said was wrong; what all shards say stands there once. */
export function errorsOf(logs: readonly Pick<ShardLog, "rest">[]): string[] {
  const shards = new Map<string, Set<number>>();
  logs.forEach(({ rest }, index) => {
    for (const line of rest.filter((each) => each.includes("level=error"))) {
      const said = line.replace(/^time="[^"]*" /, "");
      shards.set(said, (shards.get(said) ?? new Set()).add(index));
    }
  });
  return [...shards].map(([said, by]) => `shard ${[...by].join(", ")}: ${said}`);
}

function apart(logs: readonly ShardLog[]): string[] {
  const begun = logs.flatMap(({ began }) => began ?? []);
  const seconds = (Math.max(...begun) - Math.min(...begun)) / 1000;
  if (!(seconds > MOST_APART)) return [];
  return [
    `the shards began ${seconds.toFixed(1)} s apart, so the load rose and fell more slowly than the profile says`,
  ];
}
