import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { Experiment, Probe, ProbeKind, Step } from "../experiment/schema";
import { driverFor, type FaultDrivers, type Random } from "../faults/fault";
import type { Ground } from "../ground";
import type { ActivityRecord, Journal, LedgerVerdict, ProbeRecord, Timings } from "./journal";
import { ChaosLease } from "./lease";
import { victimName } from "./names";
import { seeded } from "./random";
import { NotUndone, type Patience, undoAll, undoOne } from "./undo";
import { alwaysMet, lookAll, type Prober, Watch, withinTolerance } from "./watch";

/** Writes while the faults strike, and says at the end what became of it. */
export interface RunLedger {
  /** Seconds from a moment of `performance.now()` to the first and the last write after it that was not acknowledged. */
  errorsSince(moment: number): { readonly first?: number; readonly last?: number };
  /** Seconds of the longest pause between two acknowledgements since. */
  gapSince(moment: number): number;
  /** @throws when what was written cannot be read at the end: then nothing is known of it */
  close(): Promise<LedgerVerdict>;
}

export interface RunParts {
  readonly drivers: FaultDrivers;
  readonly look: Prober;
  /** Opened for experiments that name it. */
  readonly openLedger: (kind: NonNullable<Experiment["ledger"]>, ground: Ground) => Promise<RunLedger>;
  /** The same seed draws the same victims from the same pods. */
  readonly seed: number;
  /** @default for ten seconds */
  readonly undo?: Patience;
  /**
   * Seconds that the steady state is waited for before anything is touched: one slow answer is no state.
   * @default 30
   */
  readonly steadyWithin?: number;
}

/** Seconds for a fault to be seen. */
const takesHoldWithin = 60;
/** Pause between two looks at whether all is whole again, ms. */
const recoveryPause = 200;

/** Why a run ends before its time. */
class Ended extends Error {
  constructor(
    readonly status: "aborted" | "interrupted",
    reason: string,
  ) {
    super(reason);
  }
}

/**
 * Runs an experiment: steady before, the faults one after the other, everything undone whatever happens, whole again, and no
 * acknowledged write lost.
 *
 * @throws before anything is touched: when another experiment runs, or a fault cannot be made here
 * @throws NotUndone when a rollback did not work, after everything else has been tried
 */
export async function runExperiment(experiment: Experiment, ground: Ground, parts: RunParts): Promise<Journal> {
  for (const { fault } of experiment.method) {
    const possible = await driverFor(parts.drivers, fault.kind).possible(ground);
    if (possible !== true) throw new Error(`${experiment.name}: ${fault.kind} cannot be made here: ${possible}`);
  }
  const lease = await ChaosLease.acquire(ground, experiment.name);
  const run = new Run(experiment, ground, parts, lease);
  try {
    return await run.carryOut();
  } finally {
    await lease.release();
  }
}

class Run {
  readonly #started = new Date();
  readonly #stop = new AbortController();
  readonly #random: Random;
  readonly #activities: ActivityRecord[] = [];
  readonly #timings: Timings[] = [];
  readonly #during: ProbeRecord[] = [];
  #ended: Ended | undefined;

  constructor(
    private readonly experiment: Experiment,
    private readonly ground: Ground,
    private readonly parts: RunParts,
    private readonly lease: ChaosLease,
  ) {
    this.#random = seeded(parts.seed);
  }

  async carryOut(): Promise<Journal> {
    const { experiment, ground, parts } = this;
    const operator = () => this.#end(new Ended("interrupted", "interrupted by the operator"));
    ground.signal.addEventListener("abort", operator);
    const { deadline } = experiment.limits;
    const timer = setTimeout(() => this.#end(new Ended("aborted", `deadline of ${deadline} s`)), deadline * 1000);
    let failure: unknown;
    let rollbacks: ActivityRecord[] = [];
    let ledger: RunLedger | undefined;
    let watch: Watch | undefined;
    let verdict: LedgerVerdict | undefined;
    const before = await this.#until(parts.steadyWithin ?? 30, "start", "edge", "continuous");
    const steady = before.every(withinTolerance);
    try {
      if (ground.signal.aborted) operator();
      if (steady) {
        ledger = experiment.ledger && (await parts.openLedger(experiment.ledger, ground));
        watch = new Watch(this.#probes("continuous"), parts.look, ground, ({ name }, seconds) => {
          const { abortAfter } = experiment.limits;
          if (abortAfter !== undefined && seconds > abortAfter)
            this.#end(new Ended("aborted", `"${name}" has been outside its tolerance for ${Math.round(seconds)} s`));
        });
        for (const [index, step] of experiment.method.entries()) {
          const whole = await this.#step(step, index, watch, ledger);
          // Who strikes at what is left may take the last that holds.
          if (!whole && index < experiment.method.length - 1)
            throw new Ended(
              "aborted",
              `not whole again ${experiment.recovery} s after step ${index + 1}; no further fault`,
            );
        }
      }
    } catch (error) {
      failure = error;
    } finally {
      rollbacks = await undoAll(this.lease, parts.drivers, ground, parts.undo);
    }
    const after = steady ? await this.#recovered() : [];
    const continuous = (await watch?.stop()) ?? [];
    try {
      verdict = await ledger?.close();
    } catch (error) {
      failure ??= error;
    }
    clearTimeout(timer);
    ground.signal.removeEventListener("abort", operator);
    const left = rollbacks.filter(({ status }) => status === "failed");
    if (left.length > 0) failure = new NotUndone(left);
    const end = new Date();
    const reason = !steady
      ? `it was not steady before, so nothing was touched: ${unmet(before)}`
      : failure instanceof Error
        ? failure.message
        : undefined;
    return {
      experiment,
      start: this.#started.toISOString(),
      end: end.toISOString(),
      duration: (end.getTime() - this.#started.getTime()) / 1000,
      status: failure instanceof Ended ? failure.status : failure !== undefined || !steady ? "failed" : "completed",
      deviated:
        after.length === 0 || !after.every(withinTolerance) || !this.#during.every(alwaysMet) || losses(verdict) > 0,
      steady_states: { before, during: [...this.#during, ...continuous], after },
      run: this.#activities,
      rollbacks,
      ballast: {
        stack: ground.stack,
        seed: parts.seed,
        timings: this.#timings,
        ...(reason !== undefined && { reason }),
        ...(verdict && { ledger: verdict }),
      },
    };
  }

  /** Injects a fault, holds it, and undoes it. Says whether everything is whole again. */
  async #step({ fault, hold, after }: Step, index: number, watch: Watch, ledger?: RunLedger): Promise<boolean> {
    const { ground, parts, lease } = this;
    const driver = driverFor(parts.drivers, fault.kind);
    await this.#wait(after);
    const start = new Date();
    const victims = await driver.choose(fault, ground, this.#random);
    const names = victims.map(victimName);
    const record = await driver.undoRecord(fault, victims, ground);
    if (record) await lease.remember(record);
    const evidence: string[] = [];
    const done = (status: ActivityRecord["status"], error?: string) => {
      const end = new Date();
      this.#activities.push({
        name: `${index + 1}: ${fault.kind}`,
        start: start.toISOString(),
        end: end.toISOString(),
        duration: (end.getTime() - start.getTime()) / 1000,
        status,
        victims: names,
        evidence,
        ...(error !== undefined && { error }),
      });
    };
    const injected = new Date();
    const moment = performance.now();
    const held = new Watch(this.#probes("during"), parts.look, ground);
    try {
      ground.say(`${fault.kind}: ${names.join(", ")}`);
      const proof = await driver.inject(fault, victims, ground, record);
      evidence.push(await this.#within(takesHoldWithin, proof(), `${fault.kind} did not take hold`));
      await this.#wait(hold);
      this.#during.push(...(await held.stop()));
      if (record) {
        const undone = await undoOne(record, parts.drivers, ground, parts.undo);
        if (undone.status === "failed") throw new NotUndone([undone]);
        evidence.push(...undone.evidence);
        await lease.forget(record);
      }
      done("succeeded");
    } catch (error) {
      await held.stop();
      done("failed", error instanceof Error ? error.message : String(error));
      throw error;
    }
    const whole = (await this.#recovered()).every(withinTolerance);
    this.#timings.push(timingsSince(moment, injected, whole, watch, ledger));
    return whole;
  }

  #recovered(): Promise<ProbeRecord[]> {
    return this.#until(this.experiment.recovery, "end", "edge", "continuous");
  }

  /** Looks until everything is within its tolerance or the time for it is over. */
  async #until(seconds: number, ...modes: readonly Probe["mode"][]): Promise<ProbeRecord[]> {
    const deadline = performance.now() + seconds * 1000;
    for (;;) {
      const seen = await lookAll(this.#probes(...modes), this.parts.look, this.ground);
      if (seen.every(withinTolerance) || performance.now() > deadline) return seen;
      await delay(recoveryPause);
    }
  }

  #probes(...modes: readonly Probe["mode"][]) {
    return this.experiment["steady-state-hypothesis"].probes.filter(({ mode }) => modes.includes(mode));
  }

  #end(ended: Ended): void {
    this.#ended ??= ended;
    this.#stop.abort();
  }

  async #wait(seconds: number): Promise<void> {
    if (!this.#ended) await delay(seconds * 1000, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    if (this.#ended) throw this.#ended;
  }

  async #within<T>(seconds: number, work: Promise<T>, otherwise: string): Promise<T> {
    const cancel = new AbortController();
    const late = delay(seconds * 1000, undefined, { signal: AbortSignal.any([cancel.signal, this.#stop.signal]) }).then(
      () => Promise.reject(new Error(`${otherwise} within ${seconds} s`)),
      () => new Promise<never>((_resolve, reject) => this.#ended && reject(this.#ended)),
    );
    try {
      return await Promise.race([work, late]);
    } finally {
      cancel.abort();
    }
  }
}

const unmet = (records: readonly ProbeRecord[]): string =>
  records
    .filter((record) => !withinTolerance(record))
    .map(({ name, looks }) => `"${name}": ${looks.at(-1)?.detail ?? "not looked at"}`)
    .join("; ");

function timingsSince(moment: number, injected: Date, whole: boolean, watch: Watch, ledger?: RunLedger): Timings {
  const seen = watch.errorsSince(moment, serves);
  const any = watch.errorsSince(moment, (kind) => kind !== "objective");
  const written = ledger?.errorsSince(moment) ?? {};
  const first = least(seen.first, written.first);
  const last = most(seen.last, written.last);
  return {
    injected: injected.toISOString(),
    ...(first !== undefined && { firstError: first }),
    ...(any.first !== undefined && { detected: any.first }),
    ...(last !== undefined && { lastError: last }),
    ...(ledger && { writeGap: ledger.gapSince(moment) }),
    ...(whole && { recovery: last ?? 0, redundancyRestored: any.last ?? 0 }),
  };
}

/** Probes that see what a user sees at that very moment; an objective is seen through its window, and would end too late. */
const serves = (kind: ProbeKind): boolean => kind === "http";

const least = (...values: readonly (number | undefined)[]) =>
  values.filter((value) => value !== undefined).sort(order)[0];
const most = (...values: readonly (number | undefined)[]) =>
  values
    .filter((value) => value !== undefined)
    .sort(order)
    .at(-1);
const order = (left: number, right: number): number => left - right;

/** Writes that the ledger cannot account for. */
export function losses(verdict: LedgerVerdict | undefined): number {
  return verdict === undefined ? 0 : verdict.lost + verdict.duplicated + verdict.resurrected + verdict.stale;
}
