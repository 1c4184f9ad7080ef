import { setTimeout as delay } from "node:timers/promises";
import type { Ground } from "../ground";
import { until } from "../until";
import type { FaultDriver } from "./fault";
import { longestFault } from "./longest";

const seenWithin = 30;
/** For one answer, ms. */
const patience = 2000;

/** Of an API server that is held still nobody hears, not even that it is away. */
const answers = (ground: Ground): Promise<boolean> =>
  Promise.race([
    ground.core.listNamespace({ limit: 1 }).then(
      () => true,
      () => false,
    ),
    delay(patience, false),
  ]);

export const apiServerDown: FaultDriver<"api-server-down"> = {
  kind: "api-server-down",
  possible: ({ nodes }) =>
    nodes !== undefined || "the API server is stopped on its machine, which needs the embedded cluster",
  choose: async () => [{ kind: "control-plane" }],
  undoRecord: async (_fault, victims) => ({ fault: "api-server-down", victims, details: {} }),
  async inject(_fault, _victims, ground) {
    await ground.nodes?.pauseApiServer(longestFault);
    return async () => {
      await until(async () => !(await answers(ground)), {
        seconds: seenWithin,
        signal: ground.signal,
        otherwise: () => "the API server still answers",
      });
      return "the API server does not answer";
    };
  },
  async undo(_record, ground) {
    await ground.nodes?.resumeApiServer();
    await until(() => answers(ground), {
      seconds: seenWithin,
      signal: new AbortController().signal,
      otherwise: () => "the API server does not answer",
    });
    return "the API server answers";
  },
};
