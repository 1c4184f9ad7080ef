import type { Ground } from "../ground";
import { until } from "../until";
import type { FaultDriver } from "./fault";

const seenWithin = 30;
/** Seconds; longer than a hold may be. */
const longestPause = 960;

const answers = (ground: Ground): Promise<boolean> =>
  ground.core.listNamespace({ limit: 1, timeoutSeconds: 2 }).then(
    () => true,
    () => false,
  );

export const apiServerDown: FaultDriver<"api-server-down"> = {
  kind: "api-server-down",
  possible: ({ nodes }) =>
    nodes !== undefined || "the API server is stopped on its machine, which needs the embedded cluster",
  choose: async () => [{ kind: "control-plane" }],
  undoRecord: async (_fault, victims) => ({ fault: "api-server-down", victims, details: {} }),
  async inject(_fault, _victims, ground) {
    await ground.nodes?.pauseApiServer(longestPause);
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
