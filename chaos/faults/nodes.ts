import type { NodeTarget } from "../experiment/schema";
import type { Ground, NodeControl } from "../ground";
import { until } from "../until";
import type { FaultDriver, Random, UndoRecord, Victim } from "./fault";
import { NoVictim } from "./fault";
import { allGone, choosePods, evict, onlyPods, podNow, type PodVictim } from "./pods";

type NodeVictim = Extract<Victim, { kind: "node" }>;

/** A kubelet reports every 10 s; a node that has been silent for longer is cut off or gone. */
const silentSeconds = 12;
const seenWithin = 55;
const readyWithin = 120;
const drainedWithin = 60;

const needsNodes = ({ nodes }: Ground): true | string =>
  nodes !== undefined || "faults of whole nodes need the embedded cluster, or a driver of the cloud";

function control(ground: Ground): NodeControl {
  if (!ground.nodes) throw new Error("there is no driver for faults of whole nodes");
  return ground.nodes;
}

/** @throws NoVictim when there is no such node */
async function nameOf(target: NodeTarget, ground: Ground, random: Random): Promise<string> {
  if ("of" in target) {
    const [pod] = await choosePods(target.of, ground, random);
    return pod?.node ?? "";
  }
  const { items } = await ground.core.listNode();
  const names = items.map(({ metadata }) => metadata?.name ?? "");
  if (!names.includes(target.node))
    throw new NoVictim(`there is no node ${target.node}; there are ${names.join(", ")}`);
  return target.node;
}

const onlyNode = (victims: readonly Victim[]): NodeVictim => {
  const found = victims.find((victim) => victim.kind === "node");
  if (!found) throw new NoVictim("no node was chosen");
  return found;
};

const recordOf = (fault: UndoRecord["fault"]) => async (_fault: unknown, victims: readonly Victim[]) => ({
  fault,
  victims,
  details: {},
});

/** When the node's kubelet last reported, as the API server has it. */
async function heartbeat(node: string, ground: Ground): Promise<string> {
  const lease = await ground.leases.readNamespacedLease({ namespace: "kube-node-lease", name: node });
  return String(lease.spec?.renewTime ?? "");
}

/** Waits until a node has not reported for longer than it ever does when it is well. */
async function silence(node: string, ground: Ground): Promise<string> {
  let last = await heartbeat(node, ground);
  let since = Date.now();
  await until(
    async () => {
      const now = await heartbeat(node, ground);
      if (now !== last) [last, since] = [now, Date.now()];
      return Date.now() - since > silentSeconds * 1000;
    },
    { seconds: seenWithin, signal: ground.signal, otherwise: () => `node ${node} still reports` },
  );
  return `node ${node} has been silent for ${silentSeconds} s, since ${last}`;
}

/** @param since its last report while it was silent; the API server goes on to say that it is Ready for a while */
async function ready(node: string, ground: Ground, since?: string): Promise<string> {
  await until(
    async () => {
      if (since !== undefined && (await heartbeat(node, ground)) === since) return false;
      const { status } = await ground.core.readNode({ name: node });
      return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false;
    },
    { seconds: readyWithin, signal: new AbortController().signal, otherwise: () => `node ${node} is not Ready` },
  );
  return `node ${node} is Ready`;
}

export const nodeStop: FaultDriver<"node-stop"> = {
  kind: "node-stop",
  possible: needsNodes,
  choose: async ({ target }, ground, random) => [{ kind: "node", name: await nameOf(target, ground, random) }],
  undoRecord: recordOf("node-stop"),
  async inject(_fault, victims, ground) {
    const { name } = onlyNode(victims);
    await control(ground).stop(name);
    return () => silence(name, ground);
  },
  async undo({ victims }, ground) {
    const { name } = onlyNode(victims);
    const last = await heartbeat(name, ground);
    await control(ground).start(name);
    return ready(name, ground, last);
  },
};

export const nodePartition: FaultDriver<"node-partition"> = {
  kind: "node-partition",
  possible: needsNodes,
  async choose({ target, from }, ground, random) {
    const name = await nameOf(target, ground, random);
    if (from === undefined) return [{ kind: "node", name }];
    const other = await nameOf(from, ground, random);
    if (other === name) throw new NoVictim(`node ${name} cannot be cut off from itself; aim "from" at another node`);
    return [{ kind: "node", name, from: other }];
  },
  undoRecord: recordOf("node-partition"),
  async inject(_fault, victims, ground) {
    const { name, from } = onlyNode(victims);
    await control(ground).partition(name, from);
    // A pair that is cut still reports to the API server; what the kernel has dropped between the two tells.
    if (from === undefined) return () => silence(name, ground);
    return async () => {
      let dropped = 0;
      await until(async () => (dropped = await control(ground).droppedPackets(name, from)) > 0, {
        seconds: seenWithin,
        signal: ground.signal,
        otherwise: () => `no packet between ${name} and ${from} was dropped`,
      });
      return `${dropped} packets between ${name} and ${from} dropped`;
    };
  },
  async undo({ victims }, ground) {
    const { name, from } = onlyNode(victims);
    // A pair that is cut never falls silent.
    const last = from === undefined ? await heartbeat(name, ground) : undefined;
    await control(ground).heal(name, from);
    return ready(name, ground, last);
  },
};

export const nodeDrain: FaultDriver<"node-drain"> = {
  kind: "node-drain",
  possible: () => true,
  choose: async ({ target }, ground, random) => [{ kind: "node", name: await nameOf(target, ground, random) }],
  undoRecord: recordOf("node-drain"),
  async inject(_fault, victims, ground) {
    const { name } = onlyNode(victims);
    await cordon(name, true, ground);
    const pods = await evictable(name, ground);
    return async () => {
      for (const pod of pods) {
        // A disruption budget may make it wait for its turn.
        let refusal = "";
        await until(
          async () => {
            if ((await podNow(pod, ground)) === undefined) return true;
            refusal = await evict(pod, ground).then(() => "", messageOf);
            return refusal === "";
          },
          {
            seconds: drainedWithin,
            signal: ground.signal,
            otherwise: () => `pod ${pod.namespace}/${pod.name} was not evicted: ${refusal}`,
          },
        );
      }
      return `node ${name} is cordoned; ${await allGone(pods, ground)}`;
    };
  },
  async undo({ victims }, ground) {
    const { name } = onlyNode(victims);
    await cordon(name, false, ground);
    return `node ${name} takes pods again`;
  },
};

async function cordon(name: string, unschedulable: boolean, ground: Ground): Promise<void> {
  const body = [{ op: "add", path: "/spec/unschedulable", value: unschedulable }];
  await ground.core.patchNode({ name, body });
}

/** Pods of the allowed namespaces on the node that are not tied to it. */
async function evictable(node: string, ground: Ground): Promise<PodVictim[]> {
  const { items } = await ground.core.listPodForAllNamespaces({ fieldSelector: `spec.nodeName=${node}` });
  return onlyPods(
    items
      .filter(({ metadata }) => ground.limits.namespaces.includes(metadata?.namespace ?? ""))
      .filter(({ metadata }) => !metadata?.ownerReferences?.some(({ kind }) => kind === "DaemonSet"))
      .map(({ metadata }) => ({
        kind: "pod",
        namespace: metadata?.namespace ?? "",
        name: metadata?.name ?? "",
        uid: metadata?.uid ?? "",
        node,
      })),
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
