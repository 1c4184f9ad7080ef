import { readFile, rm } from "node:fs/promises";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { imageArchive } from "../images";
import type { Progress } from "../progress";
import { addonImages, addonsDigest, addonStates, applyAddons, type Addon } from "./addons";
import { connect, type Api } from "./api";
import { writeWhole } from "./configuration";
import { controlPlane, controlPlaneDirectory, etcdDirectory } from "./controlplane";
import { raiseInotifyLimit, requireFitHost } from "./host";
import { loadInto } from "./images";
import { kubeconfig, kubeconfigPath } from "./kubeconfig";
import { withLock } from "./lock";
import { programs, runs, startMachine } from "./machine";
import { ensureBridge, refreshRoutes } from "./network";
import { ensureHostPrograms } from "./packages";
import { ensurePki } from "./pki";
import { checkName, clusterDirectory, clustersDirectory, type NodePlan, type Plan } from "./plan";
import { claimPlan, readPlan, slotConflict } from "./slot";
import { ensureToolchain, type Toolchain } from "./toolchain/build";
import { until } from "./until";
import { ensureWorker, lastLines, type Tools } from "./workers";

export interface UpOptions {
  readonly name: string;
  /** Worker nodes. A cluster that is up can grow, not shrink. @default 3 for a new cluster */
  readonly nodes?: number;
}

export interface RunningCluster {
  readonly name: string;
  readonly kubeconfig: string;
}

const defaultNodes = 3;
/** Far above what it takes: a machine with other work to do must not fail, only one that cannot. */
const ready = { apiSeconds: 300, nodesSeconds: 420, addonsSeconds: 420 };

/** One change of a cluster at a time. */
export function clusterLock<T>(name: string, work: () => Promise<T>, progress: Progress): Promise<T> {
  checkName(name);
  return withLock(join(clustersDirectory(), `.${name}.lock`), work, () =>
    progress.note(`another command is changing cluster ${name}; waiting for it`),
  );
}

/**
 * Brings a cluster up, or repairs what it lacks. Nothing is changed on a cluster that is whole.
 * It may be interrupted at any point and run again.
 */
export async function up(options: UpOptions, progress: Progress): Promise<RunningCluster> {
  requireFitHost();
  return clusterLock(
    options.name,
    async () => {
      const toolchain = await ensureToolchain(progress);
      // The archives take as long as the programs do: both start now. What goes wrong with them is told where they are awaited.
      const archives = new Map<string, Promise<string>>();
      const archive = (reference: string) => {
        const known = archives.get(reference) ?? imageArchive(reference, progress);
        known.catch(() => undefined);
        archives.set(reference, known);
        return known;
      };
      archive(addonImages.pause).catch(() => undefined);
      const [host, keeper] = await Promise.all([
        ensureHostPrograms(progress),
        toolchain.binary("keeper"),
        toolchain.binary("etcd"),
        toolchain.binary("kube"),
      ]);
      const tools: Tools = { toolchain: toolchain.directory, keeper, host };
      await raiseInotifyLimit(progress);
      const plan = await usablePlan(options);
      await progress.task(
        `Start cluster ${plan.name}`,
        (task) => bringUp(plan, tools, toolchain, archive, progress, task.detail.bind(task)),
        {
          estimateSeconds: 30,
        },
      );
      return { name: plan.name, kubeconfig: kubeconfigPath(plan.name) };
    },
    progress,
  );
}

/** The plan, on another slot when a new cluster's is taken meanwhile. @throws when a running cluster's ports were taken */
async function usablePlan(options: UpOptions): Promise<Plan> {
  const plan = await claimPlan(options.name, options.nodes, defaultNodes);
  const proxy = (await programs(controlPlaneDirectory(plan))).find(({ name }) => name === "haproxy");
  if (proxy?.pid !== undefined) return plan;
  const conflict = await slotConflict(plan);
  if (conflict === undefined) return plan;
  const hasState = await access(etcdDirectory(plan)).then(
    () => true,
    () => false,
  );
  if (hasState)
    throw new Error(
      `cluster ${plan.name} cannot start: ${conflict}. Free it, or take the cluster down (its data are lost) and up again, on other ports`,
    );
  await rm(join(clusterDirectory(plan.name), "cluster.json"), { force: true });
  await rm(join(clusterDirectory(plan.name), "pki"), { recursive: true, force: true });
  return claimPlan(options.name, options.nodes ?? plan.nodes.length, defaultNodes);
}

async function bringUp(
  plan: Plan,
  tools: Tools,
  toolchain: Toolchain,
  archive: (reference: string) => Promise<string>,
  progress: Progress,
  detail: (text: string) => void,
): Promise<void> {
  detail("certificates");
  await ensurePki(plan);
  await writeIfOther(kubeconfigPath(plan.name), await kubeconfig(plan, "admin"));
  await ensureBridge(plan);
  detail("control plane and nodes");
  const [, ...runtimes] = await Promise.all([
    ensureControlPlane(plan, tools),
    ...plan.nodes.map((node) => ensureWorker(plan, node, tools)),
  ]);
  await refreshRoutes(plan, new Map(runtimes.map(({ node, pid }) => [node.name, pid])));
  const api = await connect(plan);
  try {
    detail("API server");
    await apiReady(plan, api);
    await Promise.all([
      loadInto(runtimes, [addonImages.pause], archive, progress),
      applyAddonsOnce(plan, api),
      programsRun(plan),
    ]);
    detail("nodes");
    await nodesReady(plan, api);
    await Promise.all([toolchain.binary("coredns"), toolchain.binary("metrics-server")]);
    await loadInto(runtimes, [addonImages.coredns, addonImages.metricsServer], archive, progress);
    detail("cluster DNS");
    await addonReady(api, "coredns");
  } finally {
    api.close();
  }
}

async function writeIfOther(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => "")) !== text) await writeWhole(path, text);
}

async function ensureControlPlane(plan: Plan, tools: Tools): Promise<void> {
  const spec = await controlPlane(plan, tools.toolchain, tools.host.haproxy);
  if (!(await runs(tools.keeper, spec))) await startMachine(tools.keeper, spec);
}

async function apiReady(plan: Plan, api: Api): Promise<void> {
  await until("the API server is ready", ready.apiSeconds, () => api.text("/readyz"), {
    everyMs: 100,
    why: async () => {
      const logs = join(controlPlaneDirectory(plan), "logs");
      return [await lastLines(join(logs, "etcd.log")), await lastLines(join(logs, "kube-apiserver.log"))].join("\n");
    },
  });
}

/** The keeper starts again what died; a program that cannot stay up is an error that shows its last words. */
async function programsRun(plan: Plan): Promise<void> {
  for (const directory of [controlPlaneDirectory(plan), ...plan.nodes.map((node) => node.directory)]) {
    let down = "";
    await until(
      `all programs of ${directory} run`,
      60,
      async () => {
        const states = await programs(directory);
        down = states.find(({ pid }) => pid === undefined)?.name ?? "";
        return states.length > 0 && down === "";
      },
      { why: () => lastLines(join(directory, "logs", `${down}.log`)) },
    );
  }
}

interface NodeObject {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message: string }[];
  };
}

/** Names of the nodes that are Ready, and what keeps the others. */
export async function nodeReadiness(
  api: Api,
): Promise<Map<string, { readonly ready: boolean; readonly message: string }>> {
  const { items } = await api.call<{ items: NodeObject[] }>("GET", "/api/v1/nodes");
  return new Map(
    items.map((node) => {
      const condition = node.status.conditions?.find(({ type }) => type === "Ready");
      return [node.metadata.name, { ready: condition?.status === "True", message: condition?.message ?? "" }];
    }),
  );
}

async function nodesReady(plan: Plan, api: Api): Promise<void> {
  let missing = "";
  let waiting: readonly NodePlan[] = plan.nodes;
  await until(
    `${plan.nodes.length} nodes are Ready`,
    ready.nodesSeconds,
    async () => {
      const states = await nodeReadiness(api);
      waiting = plan.nodes.filter((node) => !states.get(node.name)?.ready);
      missing = waiting.map((node) => `${node.name}: ${states.get(node.name)?.message ?? "not registered"}`).join("; ");
      return waiting.length === 0;
    },
    {
      everyMs: 200,
      why: async () => {
        const said = waiting[0] && (await lastLines(join(waiting[0].directory, "logs", "kubelet.log")));
        return said ? `${missing}; the kubelet's last words: ${said}` : missing;
      },
    },
  );
}

async function applyAddonsOnce(plan: Plan, api: Api): Promise<void> {
  const record = join(plan.directory, "addons.applied");
  const wanted = `${plan.generation} ${addonsDigest(plan)}`;
  if ((await readFile(record, "utf8").catch(() => "")) === wanted) return;
  await applyAddons(plan, api);
  await writeWhole(record, wanted);
}

async function addonReady(api: Api, name: Addon): Promise<void> {
  let state = "";
  await until(
    `${name} is ready`,
    ready.addonsSeconds,
    async () => {
      const addon = (await addonStates(api)).find((each) => each.name === name);
      state = `${addon?.ready ?? 0} of ${addon?.wanted ?? 1} pods ready`;
      return addon !== undefined && addon.ready > 0;
    },
    { everyMs: 200, why: () => state },
  );
}

/** The plan of a cluster that was brought up. @throws when there is none */
export async function knownPlan(name: string): Promise<Plan> {
  const plan = await readPlan(name);
  if (plan) return plan;
  throw new Error(`there is no cluster ${name}; bring it up with: ballast cluster up`);
}
