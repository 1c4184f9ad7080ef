import { dirname } from "node:path";
import { clusterName } from "../local/cluster";
import type { Progress } from "../local/progress";
import { createProgress } from "../local/progress-display";

/** The checkout that this command line belongs to. */
export const root = dirname(__dirname);

/** The cluster that commands mean when none is named: one per checkout. */
export const ownCluster = (): string => process.env["BALLAST_CLUSTER"] || clusterName(root);

/** Progress goes to standard error: standard output holds results only. */
export const progress = (): Progress => createProgress(process.stderr);

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Aborted by the first Ctrl-C or SIGTERM, so that what runs can stop in order; the second ends the process. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    process.stderr.write("\nInterrupted: letting what is under way finish. Once more to stop at once.\n");
    controller.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  return controller.signal;
}
