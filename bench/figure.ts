/** One thing that was measured. Times in seconds, memory in MiB, unless `unit` says otherwise. */
export interface Figure {
  /** Unique over all benchmarks: it is the row's key in docs/benchmarks.md. */
  readonly name: string;
  /** Every run, in order; the figure is their median. */
  readonly runs: readonly number[];
  readonly unit: string;
  /** What the same work costs elsewhere, measured in the same run. */
  readonly peer?: { readonly name: string; readonly runs: readonly number[] };
  readonly target?: Target;
  /** What a reader must know to understand the number. */
  readonly remark?: string;
}

/** The most that is allowed: of the median, of the largest run, or of the ratio to the peer. */
export interface Target {
  readonly of: "median" | "maximum" | "ratio";
  readonly most: number;
}

export interface Benchmark {
  readonly name: string;
  readonly description: string;
  run(bench: Bench): Promise<Figure[]>;
}

export interface Bench {
  /** A line of progress; standard output holds results only. */
  say(text: string): void;
  /** A folder that is removed at the end. */
  readonly folder: string;
  /** Times that a measurement is taken, 3 or more. */
  readonly times: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.floor((sorted.length - 1) / 2)];
  if (upper === undefined || lower === undefined) throw new Error("a figure needs at least one run");
  return (lower + upper) / 2;
}

export function ratio({ runs, peer }: Figure): number | undefined {
  return peer === undefined ? undefined : median(runs) / median(peer.runs);
}

/** Whether the target is reached; `undefined` when there is none. */
export function reached(figure: Figure): boolean | undefined {
  const { target, runs } = figure;
  if (target === undefined) return undefined;
  if (target.of === "median") return median(runs) <= target.most;
  if (target.of === "maximum") return Math.max(...runs) <= target.most;
  const found = ratio(figure);
  if (found === undefined) throw new Error(`${figure.name}: a target of the ratio needs a peer`);
  return found <= target.most;
}

/** Three significant digits, and no exponent. */
export const round = (value: number): string => String(Number(value.toPrecision(3)));
