import type { Experiment } from "../experiment/schema";

/** What one look of a probe gave. `unknown` is no pass: what cannot be seen is not known to be well. */
export interface Look {
  readonly at: string;
  readonly verdict: "met" | "missed" | "unknown";
  readonly value?: number | string | boolean;
  readonly detail: string;
}

export interface ProbeRecord {
  readonly name: string;
  readonly mode: string;
  readonly looks: readonly Look[];
}

/** A step of the method, or a rollback, as it went. */
export interface ActivityRecord {
  readonly name: string;
  readonly start: string;
  readonly end: string;
  /** Seconds. */
  readonly duration: number;
  readonly status: "succeeded" | "failed";
  /** What was hit, by the seed. */
  readonly victims: readonly string[];
  /** How it is known to have happened, and to have ended. */
  readonly evidence: readonly string[];
  readonly error?: string;
}

/** Seconds since the fault was injected; what never happened is not there. */
export interface Timings {
  readonly injected: string;
  readonly firstError?: number;
  readonly detected?: number;
  readonly lastError?: number;
  /** Longest pause between two acknowledged writes of the ledger. */
  readonly writeGap?: number;
  /** Until users were served again: to the last error, 0 where there was none. */
  readonly recovery?: number;
  /** Until everything was within its tolerance again, redundancy too. */
  readonly redundancyRestored?: number;
}

/** How an experiment went: the Chaos Toolkit's journal, with what ours measures beside it under `ballast`. */
export interface Journal {
  readonly experiment: Experiment;
  readonly start: string;
  readonly end: string;
  readonly duration: number;
  /** `completed` is whole; `aborted` by a limit, `interrupted` by the operator, `failed` when something did not work. */
  readonly status: "completed" | "aborted" | "interrupted" | "failed";
  /** Whether the hypothesis did not hold. */
  readonly deviated: boolean;
  readonly steady_states: {
    readonly before: readonly ProbeRecord[];
    readonly during: readonly ProbeRecord[];
    readonly after: readonly ProbeRecord[];
  };
  readonly run: readonly ActivityRecord[];
  readonly rollbacks: readonly ActivityRecord[];
  readonly ballast: {
    readonly stack: string;
    readonly seed: number;
    readonly reason?: string;
    readonly timings: readonly Timings[];
    readonly ledger?: LedgerVerdict;
  };
}

/** Of everything that was written while the faults struck. */
export interface LedgerVerdict {
  readonly acknowledged: number;
  readonly failed: number;
  /** Sent, and never answered: may be there or not. */
  readonly indeterminate: number;
  readonly lost: number;
  readonly duplicated: number;
  /** Acknowledged as failed, and there all the same. */
  readonly resurrected: number;
  readonly stale: number;
  /** Seconds of the longest pause between two acknowledgements. */
  readonly longestGap: number;
  /** Seconds for which two members took writes at once, each asked from inside its own pod; undefined where nobody asked. */
  readonly twoPrimaries?: number;
  /** The members from which everything was read at the end. */
  readonly readFrom: readonly string[];
}

/** Over several runs of one experiment: n, median and maximum of a timing; undefined where no run has it. */
export function summarise(
  values: readonly (number | undefined)[],
): { n: number; median: number; maximum: number } | undefined {
  const known = values.filter((value) => value !== undefined).sort((left, right) => left - right);
  const middle = known.slice(Math.floor((known.length - 1) / 2), Math.floor(known.length / 2) + 1);
  if (middle.length === 0) return undefined;
  return {
    n: known.length,
    median: middle.reduce((sum, value) => sum + value, 0) / middle.length,
    maximum: known.at(-1) ?? 0,
  };
}

const timingNames = ["firstError", "detected", "lastError", "writeGap", "recovery", "redundancyRestored"] as const;

/** Each timing over the runs of one experiment; what never happened is undefined. */
export function timingsOf(
  journals: readonly Journal[],
): Readonly<Record<(typeof timingNames)[number], ReturnType<typeof summarise>>> {
  const all = journals.flatMap(({ ballast }) => ballast.timings);
  return Object.fromEntries(timingNames.map((name) => [name, summarise(all.map((each) => each[name]))])) as ReturnType<
    typeof timingsOf
  >;
}
