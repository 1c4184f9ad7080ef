import type { Environment } from "../../../infra/config/schema";
import { objectives, type Objective } from "../../../infra/slos/table";
import type { Experiment } from "../../experiment/schema";
import { type Journal, type LedgerVerdict, timingsOf } from "../../run/journal";
import type { ExperimentRun, Outcome } from "../day";
import type { RecordedDay } from "../folder";

/** All runs of one experiment on one day. */
export interface ExperimentOfDay {
  readonly name: string;
  /** Nothing, where it was not run. */
  readonly experiment?: Experiment;
  readonly runs: readonly ExperimentRun[];
  readonly journals: readonly Journal[];
  /** The worst of its runs. */
  readonly outcome: Outcome;
  /** Over all of its faults: how many, median and maximum, s. */
  readonly timings: ReturnType<typeof timingsOf>;
  readonly ledger?: LedgerVerdict;
  /** What users must be served again within. */
  readonly allowed?: Objective;
}

/** From the best to the worst. */
const order: readonly Outcome[] = ["held", "deviated", "not run", "interrupted", "aborted", "failed"];

export function experimentsOf({ day, journals }: RecordedDay): ExperimentOfDay[] {
  const names = [...new Set(day.runs.map(({ experiment }) => experiment))];
  return names.map((name) => {
    const runs = day.runs.filter(({ experiment }) => experiment === name);
    const own = runs.flatMap(({ journal }) => (journal === undefined ? [] : (journals[journal] ?? [])));
    const experiment = own[0]?.experiment;
    const ledger = added(own.flatMap((journal) => journal.ballast.ledger ?? []));
    const allowed = recoveryObjective(experiment, day.environment);
    return {
      name,
      ...(experiment && { experiment }),
      runs,
      journals: own,
      outcome: order[Math.max(...runs.map(({ outcome }) => order.indexOf(outcome)))] ?? "failed",
      timings: timingsOf(own),
      ...(ledger && { ledger }),
      ...(allowed && { allowed }),
    };
  });
}

function added(ledgers: readonly LedgerVerdict[]): LedgerVerdict | undefined {
  if (ledgers.length === 0) return undefined;
  const sum = (key: Exclude<keyof LedgerVerdict, "readFrom" | "longestGap">) =>
    ledgers.reduce((total, each) => total + (each[key] ?? 0), 0);
  return {
    acknowledged: sum("acknowledged"),
    failed: sum("failed"),
    indeterminate: sum("indeterminate"),
    lost: sum("lost"),
    duplicated: sum("duplicated"),
    resurrected: sum("resurrected"),
    stale: sum("stale"),
    ...(ledgers.some(({ twoPrimaries }) => twoPrimaries !== undefined) && { twoPrimaries: sum("twoPrimaries") }),
    longestGap: Math.max(...ledgers.map(({ longestGap }) => longestGap)),
    readFrom: [...new Set(ledgers.flatMap(({ readFrom }) => readFrom))],
  };
}

/** Of the service whose writes are watched, else of the one that users meet. */
function recoveryObjective(experiment: Experiment | undefined, environment: Environment): Objective | undefined {
  const of = experiment?.ledger ?? "taskdb";
  return objectives(environment).find(({ service, indicator }) => service === of && indicator.kind === "recovery");
}
