import type { Measured } from "../measured";
import { metricNames } from "../measured";
import type { RunRecord } from "../record";
import { profileTable } from "../table";
import { k6Exit } from "../verdict";
import { rules } from "./rules";

/** Repeats of one load on one stack, which later runs are held against. */
export interface Baseline {
  readonly stack: string;
  readonly environment: string;
  readonly profile: RunRecord["profile"];
  readonly due: RunRecord["due"];
  readonly k6: string;
  readonly commit: string;
  readonly machine: string;
  readonly shards?: RunRecord["shards"];
  readonly images?: RunRecord["images"];
  /** Of the newest of its runs. */
  readonly ended: string;
  readonly runs: readonly {
    readonly run: string;
    readonly started: string;
    /** Of k6's meaning: 99 where an objective was missed. */
    readonly code: number;
    readonly measured: Readonly<Record<string, Measured>>;
  }[];
}

/**
 * A baseline of these runs.
 *
 * @throws Error that names the run which cannot be part of it, and why
 */
export function baselineOf(records: readonly RunRecord[]): Baseline {
  const [newest] = records.toSorted((left, right) => right.started.localeCompare(left.started));
  if (newest === undefined || records.length < rules.leastRepeats)
    throw new Error(
      `a baseline is made of ${rules.leastRepeats} runs of one load, or more: these are ${records.length}${again(newest)}`,
    );
  if (new Set(records.map(({ run }) => run)).size < records.length) throw new Error("a run is named twice");
  for (const record of records) {
    const why = unfit(record) ?? otherLoad(record, newest);
    if (why !== undefined) throw new Error(`the run ${record.run} cannot be part of a baseline: ${why}`);
  }
  const { stack, environment, profile, due, k6, commit, machine, shards, images, ended } = newest;
  return {
    stack,
    environment,
    profile,
    due,
    k6,
    commit,
    machine,
    ...(shards !== undefined && { shards }),
    ...(images && { images }),
    ended,
    runs: records
      .toSorted((left, right) => left.started.localeCompare(right.started))
      .map(({ run, started, code, measured }) => ({ run, started, code, measured })),
  };
}

/** Of a stack's runs, newest first, those that belong together with the newest: the same load, sent in full at the same commit. */
export function newestRepeats(records: readonly RunRecord[]): RunRecord[] {
  const fit = records.filter((record) => unfit(record) === undefined);
  const [newest] = fit;
  if (newest === undefined) return [];
  return fit.filter((record) => record.commit === newest.commit && otherLoad(record, newest) === undefined);
}

const again = (record: RunRecord | undefined): string =>
  record === undefined
    ? ""
    : `. Send more: ballast load ${record.stack} --profile ${record.profile} --repeat ${rules.leastRepeats}`;

/** Why nothing can be held against the run. */
function unfit({ interrupted, code, profile, measured, results }: RunRecord): string | undefined {
  if (profileTable()[profile].judge === "limit")
    return `the profile ${profile} goes to where the service fails; what an ordinary day is like says the profile baseline`;
  if (interrupted) return "it was interrupted";
  // A missed objective makes it no less true how things are; an error, or a load that was not sent, does.
  if (code !== 0 && code !== k6Exit.thresholds) return `it ended with ${code}`;
  const unsent = results.find(({ metric, state }) => metric.startsWith("iterations{") && state !== "ok");
  if (unsent) return `its load of ${unsent.scenario} was not sent in full`;
  const hole = Object.entries(measured).find(([, all]) => metricNames.some((metric) => all[metric] === undefined));
  return hole && `${hole[0]} has no data`;
}

type SentLoad = Pick<RunRecord, "stack" | "profile" | "due" | "shards">;

const senders = ({ shards }: SentLoad): string =>
  shards === undefined ? "from outside of the cluster" : `by ${shards} pods in the cluster`;

/** How the load of a run differs from that of another; nothing, where it does not. */
export function otherLoad(run: SentLoad, from: SentLoad): string | undefined {
  for (const key of ["stack", "profile"] as const)
    if (run[key] !== from[key]) return `its ${key} is ${run[key]}, not ${from[key]}`;
  if (run.shards !== from.shards) return `it was sent ${senders(run)}, not ${senders(from)}`;
  const names = new Set([...Object.keys(from.due), ...Object.keys(run.due)]);
  for (const name of names)
    if (run.due[name] !== from.due[name])
      return `${run.due[name] ?? 0} iterations of ${name} were due in it, not ${from.due[name] ?? 0}`;
  return undefined;
}
