import type { Member, Members } from "./members";
import { processesOf } from "./processes";
import { sleep } from "./writer";

/** What cuts a node off the network and back; the embedded cluster's own, given by the caller. */
export interface NodeFaults {
  partition(node: string): Promise<void>;
  heal(node: string): Promise<void>;
}

export const faultNames = [
  "pod deleted",
  "pod deleted by force",
  "killed",
  "postgres killed",
  "patroni killed",
  "partitioned",
  "switchover",
] as const;
export type FaultName = (typeof faultNames)[number];

/** A way to lose a primary. */
export interface Fault {
  readonly title: string;
  /** Strikes the primary; returns how it is known to have happened, once it is. */
  strike(primary: Member, members: Members): Promise<() => Promise<string>>;
  /** Puts back what the fault took away; runs whatever came of the measurement. */
  restore?(primary: Member): Promise<void>;
}

export function faults(nodes: NodeFaults): Readonly<Record<FaultName, Fault>> {
  return {
    "pod deleted": { title: "primary's pod deleted", strike: deletePod() },
    "pod deleted by force": { title: "primary's pod deleted by force", strike: deletePod(0) },
    killed: { title: "primary's container killed by SIGKILL", strike: kill(({ innerPid }) => innerPid === 1) },
    "postgres killed": {
      title: "primary's postmaster killed by SIGKILL",
      strike: kill(({ command }) => /^\S*postgres -D /.test(command)),
    },
    "patroni killed": {
      title: "primary's Patroni killed by SIGKILL",
      strike: kill(({ command, innerPid }) => innerPid !== 1 && /\/patroni /.test(command)),
    },
    partitioned: {
      title: "primary's node cut off the network",
      strike: async (primary, members) => {
        const before = await members.lastHeartbeat(primary.node);
        await nodes.partition(primary.node);
        return () => silence(members, primary.node, before);
      },
      restore: ({ node }) => nodes.heal(node),
    },
    switchover: { title: "planned switchover", strike: switchover },
  };
}

/** @param graceSeconds @default what the pod asks for */
function deletePod(graceSeconds?: number): Fault["strike"] {
  return async (primary, members) => {
    await members.deletePod(primary.pod, graceSeconds);
    return async () => `pod ${primary.pod}: ${primary.uid} became ${await members.replaced(primary)}`;
  };
}

function kill(select: (process: Awaited<ReturnType<typeof processesOf>>[number]) => boolean): Fault["strike"] {
  return async (primary) => {
    const victim = (await processesOf(primary.containerId)).find(select);
    if (!victim) throw new Error(`the process to kill does not run in ${primary.pod}`);
    process.kill(victim.pid, "SIGKILL");
    return async () => {
      const left = await processesOf(primary.containerId).catch(() => []);
      if (left.some(({ pid }) => pid === victim.pid))
        throw new Error(`process ${victim.pid} (${victim.command}) still runs`);
      return `process ${victim.pid} (${victim.command.slice(0, 60)}) is gone`;
    };
  };
}

/** The node's heartbeat has stopped: nothing came through since the cut. */
async function silence(members: Members, node: string, before: string): Promise<string> {
  const first = await members.lastHeartbeat(node);
  await sleep(100);
  const second = await members.lastHeartbeat(node);
  if (first !== second) throw new Error(`node ${node} still reports: ${first}, ${second}`);
  return `node ${node}: last heartbeat ${first}, before the cut ${before}`;
}

/**
 * No candidate is named: in synchronous mode only the synchronous standby can be one, and Patroni's other standby waits 2 s before it follows
 * a candidate that was.
 */
async function switchover(primary: Member, members: Members): Promise<() => Promise<string>> {
  const { synchronous } = await members.leadership();
  if (synchronous.length === 0) throw new Error("no synchronous standby to switch to");
  await members.exec(primary.pod, [
    "patronictl",
    "switchover",
    members.postgres.name,
    "--leader",
    primary.pod,
    "--force",
  ]);
  return async () => {
    const { leader } = await members.leadership();
    if (leader === undefined || !synchronous.includes(leader))
      throw new Error(`the leader is ${leader ?? "nobody"}, not ${synchronous.join(" or ")}`);
    return `leader ${primary.pod} -> ${leader}`;
  };
}
