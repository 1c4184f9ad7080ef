import type { FaultOf } from "../experiment/schema";
import type { Ground } from "../ground";
import { findToxiproxy } from "../toxiproxy/binary";
import { until } from "../until";
import { undoEach } from "./eachPod";
import { NoVictim, type FaultDriver } from "./fault";
import {
  addRules,
  ask,
  markOf,
  needsNodes,
  networkOf,
  newMark,
  packetsMet,
  removeRules,
  spoil,
  untilItEnds,
  type PacketRule,
} from "./podNetwork";
import { choosePods, onlyPods } from "./pods";

/** Where toxiproxy listens in the pod's network: for the pod, and for what it is told. */
const ports = { proxy: 28475, api: 28474 };
/** Group of toxiproxy's process, by which its own packets are told from the pod's. */
const group = "64711";
const seenWithin = 50;
/** Milliseconds, beyond the latency, that an answer is waited for. */
const patience = 5000;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** New connections to the Service go to toxiproxy; of those from before, which would go on past it, the next packet is their last. */
function rulesFor({ host, port }: Address): PacketRule[] {
  const match = ["-p", "tcp", "-d", host, "--dport", String(port), "-m", "owner", "!", "--gid-owner", group];
  return [
    { table: "nat", chain: "OUTPUT", match, target: ["-j", "REDIRECT", "--to-ports", String(ports.proxy)] },
    { table: "filter", chain: "OUTPUT", match, target: ["-j", "REJECT", "--reject-with", "tcp-reset"] },
  ];
}

/** @throws NoVictim */
async function addressOf({ service }: FaultOf<"dependency">, { core }: Ground): Promise<Address> {
  const { namespace, name, port } = service;
  const { items } = await core.listNamespacedService({ namespace, fieldSelector: `metadata.name=${name}` });
  const spec = items[0]?.spec;
  if (!spec) throw new NoVictim(`there is no Service ${namespace}/${name}`);
  const known = (spec.ports ?? []).filter(({ protocol }) => protocol === "TCP").map((each) => each.port);
  if (!known.includes(port))
    throw new NoVictim(`Service ${namespace}/${name} has no TCP port ${port}; it has ${known.join(", ") || "none"}`);
  if (spec.clusterIP === undefined || spec.clusterIP === "None")
    throw new NoVictim(`Service ${namespace}/${name} has no address of its own: its clients go to its pods directly`);
  return { host: spec.clusterIP, port };
}

/** Toxiproxy stands in the network of each pod, so only they see the dependency so. Their open connections to it are reset. */
export const dependency: FaultDriver<"dependency"> = {
  kind: "dependency",
  possible: needsNodes,
  async choose(fault, ground, random) {
    await addressOf(fault, ground);
    // Not while the fault is timed.
    await findToxiproxy({ task: (title, work) => (ground.say(title), work(quiet)), note: ground.say });
    return choosePods(fault.target, ground, random);
  },
  undoRecord: async (fault, victims, ground) => ({
    fault: "dependency",
    victims,
    details: { mark: newMark(), ...(await addressOf(fault, ground)) },
  }),
  async inject({ toxic }, victims, ground, record) {
    const pods = onlyPods(victims);
    const mark = markOf(record);
    const { host, port } = addressIn(record?.details);
    const toxiproxy = await findToxiproxy({ task: (_title, work) => work(quiet), note: ground.say });
    for (const pod of pods) {
      const enter = networkOf(pod, ground);
      const server = [toxiproxy, "-host", "127.0.0.1", "-port", String(ports.api)];
      await untilItEnds(enter, mark, ["setpriv", `--regid=${group}`, "--clear-groups", ...server]);
      const proxy = { name: mark, listen: `0.0.0.0:${ports.proxy}`, upstream: `${host}:${port}` };
      const api = `127.0.0.1:${ports.api}`;
      if (toxic.type === "cut") await spoil(enter, api, { ...proxy, enabled: false });
      else {
        const attributes = { latency: toxic.milliseconds };
        const late = { name: "late", type: "latency", stream: "downstream", attributes };
        await spoil(enter, api, { ...proxy, enabled: true }, late);
      }
      await addRules(enter, mark, rulesFor({ host, port }));
    }
    return async () => {
      const seen: string[] = [];
      for (const pod of pods) {
        const enter = networkOf(pod, ground);
        let said = "";
        await until(
          async () => {
            const late = toxic.type === "latency" ? toxic.milliseconds : 0;
            const { outcome, milliseconds } = await ask(enter, host, port, late + patience);
            said = `${outcome} after ${milliseconds} ms`;
            return toxic.type === "cut" ? outcome === "ECONNREFUSED" : outcome === "answered" && milliseconds >= late;
          },
          { seconds: seenWithin, signal: ground.signal, otherwise: () => `pod ${pod.name} is not hit: ${said}` },
        );
        seen.push(`to pod ${pod.name} ${host}:${port}: ${said}; ${await packetsMet(enter, mark)} packets turned aside`);
      }
      return seen.join("; ");
    };
  },
  async undo(record, ground) {
    const mark = markOf(record);
    const { host, port } = addressIn(record.details);
    try {
      return await undoEach(record, ground, async (pod) => {
        const enter = networkOf(pod, ground);
        await removeRules(enter, mark);
        const { outcome, milliseconds } = await ask(enter, host, port, patience);
        return `to pod ${pod.name} ${host}:${port}: ${outcome} after ${milliseconds} ms, with no rule left`;
      });
    } finally {
      // Toxiproxy goes last: it breaks connections, and whoever connects anew then goes past it.
      await ground.nodes?.endMarked(mark);
    }
  },
};

const quiet = { detail: () => undefined, fraction: () => undefined };

const addressIn = (details: Readonly<Record<string, unknown>> = {}): Address => ({
  host: String(details["host"]),
  port: Number(details["port"]),
});
