import * as cluster from "../../local/cluster";
import type { Progress } from "../../local/progress";
import type { NodeControl } from "../ground";
import { processesOf } from "../postgres/processes";
import { endMarked, enterNetwork } from "./podNetwork";

/** What this machine can do to the nodes of its cluster, and to what runs on them. */
export function embeddedNodes(name: string, progress: Progress): NodeControl {
  const { node } = cluster;
  return {
    stop: (which) => node.stop(name, which, progress),
    start: (which) => node.start(name, which, progress),
    partition: (which, from) =>
      from === undefined ? node.partition(name, which, progress) : node.cut(name, which, from, progress),
    heal: (which, from) =>
      from === undefined ? node.heal(name, which, progress) : node.mend(name, which, from, progress),
    droppedPackets: (which, from) => node.dropped(name, which, from),
    pauseApiServer: (seconds) => node.pauseApiServer(name, seconds),
    resumeApiServer: () => node.resumeApiServer(name),
    async killContainer(id) {
      const entry = (await processesOf(id)).find(({ innerPid }) => innerPid === 1);
      if (!entry) throw new Error(`container ${id} has no entry point`);
      process.kill(entry.pid, "SIGKILL");
      return `process ${entry.pid} (${entry.command.slice(0, 60)}) got SIGKILL`;
    },
    enterNetwork,
    endMarked,
  };
}
