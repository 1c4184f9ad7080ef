import { setTimeout as delay } from "node:timers/promises";
import type { Experiment } from "../../experiment/schema";
import { faultDrivers } from "../../faults";
import type { FaultDriver, FaultDrivers } from "../../faults/fault";
import { Probes } from "../../probes/probes";
import { groundOn } from "../../testing/ground";
import { runExperiment } from "../run";

/** Where a run is when it is killed. */
export const phases = ["chosen", "remembered", "held", "undoing", "undone"] as const;
export type Phase = (typeof phases)[number];

export interface KilledRun {
  readonly cluster: { readonly name: string; readonly kubeconfig: string };
  readonly experiment: Experiment;
  readonly at: Phase;
}

/** Runs the experiment up to the phase, says so on standard output, and goes no further. */
async function main({ cluster, experiment, at }: KilledRun): Promise<void> {
  const reach = async (phase: Phase) => {
    if (phase !== at) return;
    process.stdout.write(`${phase}\n`);
    await delay(2 ** 31 - 1);
  };
  const driver: FaultDriver<"scale-to-zero"> = faultDrivers["scale-to-zero"];
  const slow: FaultDriver<"scale-to-zero"> = {
    ...driver,
    async choose(...given) {
      const victims = await driver.choose(...given);
      await reach("chosen");
      return victims;
    },
    async inject(...given) {
      await reach("remembered");
      const proof = await driver.inject(...given);
      return async () => {
        const proved = await proof();
        await reach("held");
        return proved;
      };
    },
    async undo(...given) {
      await reach("undoing");
      const undone = await driver.undo(...given);
      await reach("undone");
      return undone;
    },
  };
  const drivers: FaultDrivers = { ...faultDrivers, "scale-to-zero": slow };
  const { look } = new Probes();
  const openLedger = () => Promise.reject(new Error("the experiment has no ledger"));
  await runExperiment(experiment, groundOn(cluster, experiment.limits.namespaces), {
    drivers,
    look,
    openLedger,
    seed: 1,
  });
}

if (require.main === module) void main(JSON.parse(process.argv[2] ?? "") as KilledRun);
