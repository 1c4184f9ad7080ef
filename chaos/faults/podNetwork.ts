import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Ground } from "../ground";
import type { UndoRecord } from "./fault";
import { longestFault } from "./longest";
import type { PodVictim } from "./pods";

/** Runs a program of the host in a pod's network. */
export type Enter = (argv: readonly string[]) => Promise<string>;

/** A rule for packets of the pod, without its mark. */
export interface PacketRule {
  readonly table: "filter" | "nat";
  readonly chain: "INPUT" | "OUTPUT";
  readonly match: readonly string[];
  /** What becomes of them. */
  readonly target: readonly string[];
}

/** Needs a node on this machine. */
export const needsNodes = ({ nodes }: Ground): true | string =>
  nodes !== undefined || "the packets of a pod are changed on its node, which needs the embedded cluster";

/** What one strike leaves in the network carries it, so that nothing else is touched when it is taken away. */
export const newMark = (): string => `ballast-chaos-${randomBytes(4).toString("hex")}`;

export function markOf(record: UndoRecord | undefined): string {
  const mark = record?.details["mark"];
  if (typeof mark !== "string")
    throw new Error(`the undo record of ${record?.fault ?? "the fault"} has no mark: it is not of this version`);
  return mark;
}

export function networkOf(pod: PodVictim, { nodes }: Ground): Enter {
  if (!nodes) throw new Error(`the network of pod ${pod.namespace}/${pod.name} cannot be entered from this machine`);
  return (argv) => nodes.enterNetwork(pod.uid, argv);
}

const clearing = `iptables-save | grep -vF -- "$0" | iptables-restore -w`;

/**
 * Leaves a program running in the pod's network, and takes the rules of that mark away when it ends: by itself, or when the longest fault
 * would be over. So a run that is killed leaves nothing for ever.
 */
export async function untilItEnds(enter: Enter, mark: string, program: readonly string[]): Promise<void> {
  const script = `timeout --foreground ${longestFault} "$@"; ${clearing}`;
  await enter(["sh", "-c", `setsid sh -c "$@" < /dev/null > /dev/null 2>&1 &`, "sh", script, mark, ...program]);
}

export async function addRules(enter: Enter, mark: string, rules: readonly PacketRule[]): Promise<void> {
  for (const { table, chain, match, target } of rules) {
    const comment = ["-m", "comment", "--comment", mark];
    await enter(["iptables", "-w", "-t", table, "-I", chain, ...match, ...comment, ...target]);
  }
}

/** @throws when rules are left */
export async function removeRules(enter: Enter, mark: string): Promise<void> {
  await enter(["sh", "-c", clearing, mark]);
  const left = (await enter(["iptables-save"])).split("\n").filter((line) => line.includes(mark));
  if (left.length > 0) throw new Error(`rules are left in the pod's network: ${left.join("; ")}`);
}

/** Packets that the rules of a mark have met. */
export async function packetsMet(enter: Enter, mark: string): Promise<number> {
  return (await enter(["iptables-save", "-c"]))
    .split("\n")
    .filter((line) => line.includes(mark))
    .reduce((sum, line) => sum + Number(/^\[(\d+):/.exec(line)?.[1] ?? 0), 0);
}

const inside = join(__dirname, "../embedded/inside.mjs");

/** Whether a name server answers the pod. */
export const resolves = async (enter: Enter, server: string, milliseconds: number): Promise<boolean> =>
  (await enter([
    process.execPath,
    inside,
    "resolve",
    server,
    "kubernetes.default.svc.cluster.local",
    String(milliseconds),
  ])) === "answered";

/** What a server says to the pod: `answered`, `silent`, or the error's code; and when. */
export async function ask(
  enter: Enter,
  host: string,
  port: number,
  milliseconds: number,
): Promise<{ readonly outcome: string; readonly milliseconds: number }> {
  const said = await enter([process.execPath, inside, "ask", host, String(port), String(milliseconds)]);
  return JSON.parse(said) as { outcome: string; milliseconds: number };
}

/** @throws when toxiproxy does not listen, or refuses */
export async function spoil(enter: Enter, api: string, proxy: object, toxic?: object): Promise<void> {
  const texts = [proxy, ...(toxic ? [toxic] : [])].map((each) => JSON.stringify(each));
  await enter([process.execPath, inside, "spoil", api, ...texts]);
}
