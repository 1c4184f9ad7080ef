import type { Ground } from "../ground";
import { until } from "../until";
import { MeshFault, meshKnows } from "./chaosMesh";
import { undoEach } from "./eachPod";
import type { FaultDriver } from "./fault";
import {
  addRules,
  markOf,
  networkOf,
  newMark,
  packetsMet,
  removeRules,
  resolves,
  untilItEnds,
  type PacketRule,
} from "./podNetwork";
import { longestFault } from "./longest";
import { choosePods, onlyPods } from "./pods";

const plural = "dnschaos";
const seenWithin = 50;
/** Milliseconds that a name server is waited for. */
const patience = 1500;

/** Answers are dropped, not queries: a process whose own query is dropped is told at once, and a lost answer is waited for. */
const rules: readonly PacketRule[] = ["udp", "tcp"].map((protocol) => ({
  table: "filter",
  chain: "INPUT",
  match: ["-p", protocol, "--sport", "53"],
  target: ["-j", "DROP"],
}));

/** The cluster's own name server. */
async function nameServer(ground: Ground): Promise<string> {
  const { spec } = await ground.core.readNamespacedService({ namespace: "kube-system", name: "kube-dns" });
  return spec?.clusterIP ?? "";
}

/** On a node of this machine by the packets; elsewhere by Chaos Mesh. */
export const dnsFailure: FaultDriver<"dns-failure"> = {
  kind: "dns-failure",
  async possible(ground) {
    if (ground.nodes !== undefined) return true;
    const known = await meshKnows(plural, ground);
    return known === true || `the cluster's nodes are not on this machine, and ${known}`;
  },
  choose: ({ target }, ground, random) => choosePods(target, ground, random),
  undoRecord: async (_fault, victims, { nodes }) => ({
    fault: "dns-failure",
    victims,
    details: { mark: newMark(), mesh: nodes === undefined },
  }),
  async inject({ target }, victims, ground, record) {
    const pods = onlyPods(victims);
    const mark = markOf(record);
    if (ground.nodes === undefined) {
      const fault = new MeshFault(plural, target.namespace, mark, ground);
      await fault.create("DNSChaos", pods, { action: "error" });
      return () => fault.injected();
    }
    const server = await nameServer(ground);
    for (const pod of pods) {
      const enter = networkOf(pod, ground);
      await untilItEnds(enter, mark, ["sleep", String(longestFault)]);
      await addRules(enter, mark, rules);
    }
    return async () => {
      const seen: string[] = [];
      for (const pod of pods) {
        const enter = networkOf(pod, ground);
        await until(async () => !(await resolves(enter, server, patience)) && (await packetsMet(enter, mark)) > 0, {
          seconds: seenWithin,
          signal: ground.signal,
          otherwise: () => `${server} still answers pod ${pod.name}`,
        });
        seen.push(`${server} does not answer pod ${pod.name}: ${await packetsMet(enter, mark)} answers dropped`);
      }
      return seen.join("; ");
    };
  },
  async undo(record, ground) {
    const mark = markOf(record);
    const [first] = onlyPods(record.victims);
    if (record.details["mesh"] === true) return new MeshFault(plural, first?.namespace ?? "", mark, ground).remove();
    await ground.nodes?.endMarked(mark);
    return undoEach(record, ground, async (pod) => {
      const enter = networkOf(pod, ground);
      await removeRules(enter, mark);
      const server = await nameServer(ground);
      const answered = await resolves(enter, server, patience);
      return `pod ${pod.name} has no such rule, ${server} ${answered ? "answers it" : "does not answer it"}`;
    });
  },
};
