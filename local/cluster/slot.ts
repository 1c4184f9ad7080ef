import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command";
import { withLock } from "./lock";
import { clusterDirectory, clustersDirectory, makePlan, preferredSlot, slots, type Plan } from "./plan";
import { holder, loopbackListeners } from "./ports";

/** What is recorded of a cluster; the rest of its plan follows from it. */
interface Record {
  readonly slot: number;
  readonly generation: string;
  readonly nodes: number;
}

const recordPath = (name: string) => join(clusterDirectory(name), "cluster.json");

/** The plan of a cluster that was brought up and not taken down since; undefined when there is none. */
export async function readPlan(name: string): Promise<Plan | undefined> {
  const path = recordPath(name);
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { slot, generation, nodes } = JSON.parse(text) as Partial<Record>;
  if (slot === undefined || generation === undefined || nodes === undefined)
    throw new Error(
      `${path} is not a cluster's record; remove ${clusterDirectory(name)} and bring the cluster up again`,
    );
  return makePlan(name, slot, generation, nodes);
}

/** An IPv4 network as its first and last address. */
export function range(cidr: string): readonly [number, number] {
  const [address = "", bits = "32"] = cidr.split("/");
  const start = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  return [start, start + 2 ** (32 - Number(bits)) - 1];
}

export function overlap(one: string, other: string): boolean {
  const [first, last] = range(one);
  const [from, to] = range(other);
  return first <= to && from <= last;
}

/** Networks that the machine routes, other than by the interface `exceptLink`. */
async function routedNetworks(exceptLink: string): Promise<string[]> {
  const { stdout } = await run("ip", ["-json", "-4", "route", "show", "table", "all"]);
  return (JSON.parse(stdout || "[]") as { dst: string; dev?: string }[])
    .filter((route) => route.dst !== "default" && route.dev !== exceptLink)
    .map((route) => route.dst);
}

/** Why the slot of `plan` cannot be used; undefined when it can. */
export async function slotConflict(plan: Plan): Promise<string | undefined> {
  const routed = (await routedNetworks(plan.bridge)).find((network) => overlap(network, plan.network));
  if (routed) return `the machine already routes ${routed}, which overlaps with the cluster's ${plan.network}`;
  const { first, last } = plan.nodePorts;
  const taken = (await loopbackListeners()).find(({ port }) => port >= first && port <= last);
  if (!taken) return undefined;
  const who = (await holder(taken.inode)) ?? "another process";
  return `port ${taken.port} of 127.0.0.1 (NodePorts ${first}-${last}) is held by ${who}`;
}

async function otherSlots(name: string): Promise<Set<number>> {
  const entries = await readdir(clustersDirectory()).catch(() => []);
  const taken = new Set<number>();
  for (const entry of entries) {
    if (entry === name || entry.startsWith(".")) continue;
    const plan = await readPlan(entry).catch(() => undefined);
    if (plan) taken.add(plan.slot);
  }
  return taken;
}

async function record(plan: Plan): Promise<Plan> {
  await mkdir(plan.directory, { recursive: true, mode: 0o700 });
  const path = recordPath(plan.name);
  const content: Record = { slot: plan.slot, generation: plan.generation, nodes: plan.nodes.length };
  await writeFile(`${path}.new`, `${JSON.stringify(content)}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return plan;
}

/**
 * The plan of the cluster as it stands, or a new one on the first slot that is free of other routes, ports and clusters.
 * @param nodes wanted number of workers; `undefined` keeps what there is
 * @param defaultNodes for a new cluster
 */
export async function claimPlan(name: string, nodes: number | undefined, defaultNodes: number): Promise<Plan> {
  return withLock(join(clustersDirectory(), ".lock"), async () => {
    const existing = await readPlan(name);
    if (existing) {
      if (nodes === undefined || nodes === existing.nodes.length) return existing;
      if (nodes < existing.nodes.length)
        throw new Error(
          `cluster ${name} has ${existing.nodes.length} nodes and cannot shrink to ${nodes}; take it down first, or stop single nodes`,
        );
      return record(makePlan(name, existing.slot, existing.generation, nodes));
    }
    const others = await otherSlots(name);
    const conflicts: string[] = [];
    for (let step = 0; step < slots; step++) {
      const slot = (preferredSlot(name) + step) % slots;
      const plan = makePlan(name, slot, randomUUID(), nodes ?? defaultNodes);
      const conflict = others.has(slot) ? "another cluster has it" : await slotConflict(plan);
      if (conflict === undefined) return record(plan);
      conflicts.push(conflict);
    }
    throw new Error(`none of the ${slots} address ranges of a cluster is free; the first one: ${conflicts[0]}`);
  });
}
