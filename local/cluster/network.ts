import { access, readFile } from "node:fs/promises";
import { run } from "./command";
import type { NodePlan, Plan } from "./plan";

const interfaceUp = 1;

async function hasLink(name: string): Promise<boolean> {
  return access(`/sys/class/net/${name}`).then(
    () => true,
    () => false,
  );
}

/** Marks an interface as this cluster's, for a person who looks and for the check below. */
const alias = (plan: Plan) => `ballast:${plan.name}`;

async function batch(commands: readonly string[], pid?: number): Promise<void> {
  if (commands.length === 0) return;
  const ip = ["ip", "-batch", "-"];
  const [program = "", ...args] = pid === undefined ? ip : ["nsenter", `--net=/proc/${pid}/ns/net`, ...ip];
  await run(program, args, { input: `${commands.join("\n")}\n` });
}

/** The switch that the nodes' cables end in, with the host on it. */
export async function ensureBridge(plan: Plan): Promise<void> {
  if (await hasLink(plan.bridge)) {
    const owner = (await readFile(`/sys/class/net/${plan.bridge}/ifalias`, "utf8")).trim();
    if (owner !== alias(plan) && owner !== "")
      throw new Error(
        `interface ${plan.bridge} belongs to ${owner}, not to cluster ${plan.name}; choose another cluster name`,
      );
  } else {
    await batch([`link add ${plan.bridge} type bridge`]);
  }
  await batch([
    `link set ${plan.bridge} alias ${alias(plan)}`,
    `address replace ${plan.hostAddress}/24 dev ${plan.bridge}`,
    `link set ${plan.bridge} up`,
  ]);
}

/**
 * Plugs a node's network namespace into the bridge. The default route comes last: the keeper starts the node's programs
 * when it sees one.
 * @param pid a process in that namespace
 */
export async function connectNode(plan: Plan, node: NodePlan, pid: number): Promise<void> {
  await unplug(node);
  await batch([
    `link add ${node.link} type veth peer name eth0 netns ${pid}`,
    `link set ${node.link} alias ${alias(plan)}`,
    `link set ${node.link} master ${plan.bridge}`,
    `link set ${node.link} up`,
  ]);
  // In the node only; the host's own settings stay as they are. By the filter a pod cannot send under another's address.
  const settings = ["net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=1"];
  await run("nsenter", [`--net=/proc/${pid}/ns/net`, "sysctl", "-qw", ...settings]);
  const others = plan.nodes.filter((other) => other.name !== node.name);
  await batch(
    [
      "link set lo up",
      `address add ${node.address}/24 dev eth0`,
      "link set eth0 up",
      ...others.map((other) => `route add ${other.podCidr} via ${other.address}`),
      // Every pod of the node has a route of its own; what goes to an address of none must not go round by the host.
      `route add unreachable ${node.podCidr}`,
      `route add default via ${plan.hostAddress}`,
    ],
    pid,
  );
  await routeFromHost(plan, node);
}

/** The API server calls webhooks and aggregated APIs in pods, so the host needs the way to them. */
async function routeFromHost(plan: Plan, node: NodePlan): Promise<void> {
  await batch([`route replace ${node.podCidr} via ${node.address} dev ${plan.bridge}`]);
}

/** Repairs the ways between nodes that are already there. */
export async function refreshRoutes(plan: Plan, pids: ReadonlyMap<string, number>): Promise<void> {
  for (const node of plan.nodes) {
    const pid = pids.get(node.name);
    if (pid === undefined) continue;
    const others = plan.nodes.filter((other) => other.name !== node.name);
    await batch(
      others.map((other) => `route replace ${other.podCidr} via ${other.address}`),
      pid,
    );
    await routeFromHost(plan, node);
  }
}

export async function setLink(node: NodePlan, state: "up" | "down"): Promise<void> {
  if (!(await hasLink(node.link))) throw new Error(`node ${node.name} has no network: it is not running`);
  await batch([`link set ${node.link} ${state}`]);
}

/** Whether the node's cable is in: undefined when there is none. */
export async function linkUp(node: NodePlan): Promise<boolean | undefined> {
  const flags = await readFile(`/sys/class/net/${node.link}/flags`, "utf8").catch(() => undefined);
  return flags === undefined ? undefined : (parseInt(flags, 16) & interfaceUp) !== 0;
}

/**
 * Takes the node's cable away. The kernel does so too when the node's namespace ends, but connections that wait for an answer
 * can keep that one for minutes.
 */
export async function unplug(node: NodePlan): Promise<void> {
  if (!(await hasLink(node.link))) return;
  await batch([`link delete ${node.link}`]).catch(async (error: unknown) => {
    if (await hasLink(node.link)) throw error;
  });
}

/** Rules of a cut, in the node's own tables: what comes from the other node or its pods, and what goes there. */
const cutMark = (from: NodePlan): string => `ballast:cut:${from.name}`;
function cutRules(from: NodePlan): string[][] {
  const mark = ["-m", "comment", "--comment", cutMark(from), "-j", "DROP"];
  return [from.address, from.podCidr].flatMap((address) => [
    ["raw", "PREROUTING", "-s", address, ...mark],
    ["mangle", "POSTROUTING", "-d", address, ...mark],
  ]);
}

/** @param pid a process in the network namespace of the one node */
export async function cutBetween(pid: number, from: NodePlan): Promise<void> {
  for (const [table = "", ...rule] of cutRules(from)) {
    if (!(await iptables(pid, table, "-C", rule))) await iptables(pid, table, "-I", rule);
  }
}

export async function mendBetween(pid: number, from: NodePlan): Promise<void> {
  for (const [table = "", ...rule] of cutRules(from)) while (await iptables(pid, table, "-D", rule));
}

export async function droppedBetween(pid: number, from: NodePlan): Promise<number> {
  const { stdout } = await run("nsenter", [`--net=/proc/${pid}/ns/net`, "iptables-save", "-c"]);
  return stdout
    .split("\n")
    .filter((line) => line.includes(`"${cutMark(from)}"`))
    .reduce((sum, line) => sum + Number(/^\[(\d+):/.exec(line)?.[1] ?? 0), 0);
}

/** Says whether it was done: a rule that is not there can neither be found nor deleted. */
async function iptables(
  pid: number,
  table: string,
  verb: "-C" | "-I" | "-D",
  rule: readonly string[],
): Promise<boolean> {
  const args = [`--net=/proc/${pid}/ns/net`, "iptables", "-w", "-t", table, verb, ...rule];
  const { code } = await run("nsenter", args, { accept: verb === "-I" ? [0] : [0, 1] });
  return code === 0;
}

/** Removes the nodes' cables and the bridge, and with it every route over it. */
export async function removeNetwork(plan: Plan): Promise<void> {
  for (const node of plan.nodes) await unplug(node);
  if (await hasLink(plan.bridge)) await batch([`link delete ${plan.bridge}`]);
}

/** Whether the node's network was set up to its end: its default route is the last step. */
export async function connected(pid: number): Promise<boolean> {
  const table = await readFile(`/proc/${pid}/net/route`, "utf8").catch(() => "");
  return table
    .split("\n")
    .slice(1)
    .some((line) => line.split(/\s+/)[1] === "00000000");
}
