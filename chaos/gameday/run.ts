import { setTimeout as delay } from "node:timers/promises";
import type { Journal } from "../run/journal";
import { budgetOf, burnOf, type Requests } from "./burn";
import {
  type Appointment,
  appointments,
  type ExperimentRun,
  type GameDay,
  type LoadEnd,
  outcomeOf,
  type Setting,
  verdictOf,
} from "./day";
import type { DayFolder } from "./folder";
import type { GameDayPlan } from "./plan";

export interface RunningLoad {
  /** When it is on the level that is held; never, where it ends before. */
  readonly onLevel: Promise<void>;
  /** Of the last seconds; nothing, before the load has gone on for so long. */
  recent(seconds: number, scenarios: readonly string[]): Requests | undefined;
  /** Ended by its signal, or by itself. */
  readonly ended: Promise<LoadEnd>;
}

export interface GameDayParts {
  /** Whether an experiment can be run here, or why not. */
  readonly possible: (experiment: string) => Promise<true | string>;
  /** Undoes all that it has done, also when the signal ends it. */
  readonly run: (experiment: string, seed: number, signal: AbortSignal) => Promise<Journal>;
  /** Holds its load until the signal ends it. */
  readonly startLoad: (signal: AbortSignal) => Promise<RunningLoad>;
  readonly say: (line: string) => void;
}

/** How often the burn of the budget is looked at, ms. */
const look = 1000;

/** Why a day ends before its time. */
class Ended extends Error {
  constructor(
    readonly verdict: "aborted" | "interrupted" | "failed",
    reason: string,
  ) {
    super(reason);
  }
}

/**
 * Carries out a GameDay: load all the time, the experiments one after the other, and in the folder at every moment what there is so far.
 *
 * @throws before anything is touched, when an experiment cannot be run here
 */
export async function runGameDay(
  plan: GameDayPlan,
  setting: Setting,
  folder: DayFolder,
  parts: GameDayParts,
  signal: AbortSignal,
): Promise<GameDay> {
  const lacking = await impossible(plan, parts);
  if (lacking.length > 0) throw new Error(`the GameDay ${plan.name} cannot be held here:\n  ${lacking.join("\n  ")}`);
  return new Day(plan, setting, folder, parts, signal).hold();
}

/** What of a plan cannot be done here, with the reason. */
export async function impossible(
  { timeline }: GameDayPlan,
  { possible }: Pick<GameDayParts, "possible">,
): Promise<string[]> {
  const lacking: string[] = [];
  for (const name of new Set(timeline.map(({ experiment }) => experiment))) {
    const answer = await possible(name);
    if (answer !== true) lacking.push(`${name}: ${answer}`);
  }
  return lacking;
}

class Day {
  readonly #started = new Date();
  readonly #stop = new AbortController();
  readonly #stopLoad = new AbortController();
  readonly #runs: ExperimentRun[] = [];
  readonly #appointments: readonly Appointment[];
  #level: Date | undefined;
  #ended: Ended | undefined;

  constructor(
    private readonly plan: GameDayPlan,
    private readonly setting: Setting,
    private readonly folder: DayFolder,
    private readonly parts: GameDayParts,
    private readonly signal: AbortSignal,
  ) {
    this.#appointments = appointments(plan, setting.seed);
  }

  async hold(): Promise<GameDay> {
    const { plan, folder, parts, signal } = this;
    await folder.writePlan(plan);
    await folder.writeDay(this.#record());
    const operator = () => this.#end(new Ended("interrupted", "interrupted by the operator"));
    signal.addEventListener("abort", operator);
    if (signal.aborted) operator();
    const { deadline } = plan.abort;
    const timer = setTimeout(() => this.#end(new Ended("aborted", `deadline of ${deadline} s`)), deadline * 1000);
    let load: RunningLoad | undefined;
    let burning: NodeJS.Timeout | undefined;
    let loadEnd: LoadEnd | undefined;
    try {
      this.#goOn();
      load = await parts.startLoad(this.#stopLoad.signal);
      void load.ended.then(({ code, errors }) => {
        if (!this.#stopLoad.signal.aborted)
          this.#end(
            new Ended("failed", `the load ended by itself (${code}): ${errors.at(-1) ?? "k6 does not say why"}`),
          );
      }, this.#failed);
      await this.#orEnd(load.onLevel);
      this.#level = new Date();
      parts.say(`the load is on its level; ${plan.load.before} s of it alone`);
      burning = this.#watchBurn(load);
      await this.#wait(plan.load.before);
      for (const [index, appointment] of this.#appointments.entries()) await this.#keep(appointment, index);
      await this.#wait(plan.load.after);
    } catch (error) {
      this.#failed(error);
    } finally {
      clearTimeout(timer);
      clearInterval(burning);
      signal.removeEventListener("abort", operator);
      this.#stopLoad.abort();
      loadEnd = await load?.ended.catch((error: unknown) => void this.#failed(error));
    }
    const day = this.#record(loadEnd, new Date());
    await folder.writeDay(day);
    return day;
  }

  /** Runs one experiment when its time has come. */
  async #keep(appointment: Appointment, index: number): Promise<void> {
    const { experiment, start, seed, repeat, of } = appointment;
    const { parts, plan, folder } = this;
    const since = () => (Date.now() - (this.#level?.getTime() ?? 0)) / 1000 - plan.load.before;
    await this.#wait("at" in start ? Math.max(0, start.at - since()) : start.after);
    const number = of === 1 ? "" : ` (${repeat} of ${of})`;
    parts.say(`${experiment}${number}`);
    const started = new Date().toISOString();
    let run: ExperimentRun;
    let journal: Journal | undefined;
    try {
      journal = await parts.run(experiment, seed, this.#stop.signal);
      const file = await folder.writeJournal(index + 1, experiment, journal);
      const { reason } = journal.ballast;
      run = { ...appointment, started, outcome: outcomeOf(journal), journal: file, ...(reason && { reason }) };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      run = { ...appointment, started, outcome: "failed", reason };
    }
    this.#runs.push({ ...run, ended: new Date().toISOString() });
    await folder.writeDay(this.#record());
    parts.say(`${experiment}${number}: ${run.outcome}${run.reason === undefined ? "" : `, ${run.reason}`}`);
    this.#goOn();
    const left = journal?.rollbacks.some(({ status }) => status === "failed") ?? false;
    if (left) throw new Ended("failed", `${experiment}: ${run.reason ?? "its faults could not be undone"}`);
    const kind = run.outcome === "aborted" ? "failed" : run.outcome;
    if (kind === "held" || plan.abort.tolerate.some((each) => each === kind)) return;
    throw new Ended("aborted", `${experiment} has ${kind}, which this plan does not tolerate`);
  }

  #watchBurn(load: RunningLoad): NodeJS.Timeout | undefined {
    const { burn } = this.plan.abort;
    if (!burn) return undefined;
    const budget = budgetOf(burn.objective, this.setting.environment);
    return setInterval(() => {
      const recent = load.recent(burn.over, budget.scenarios);
      const pace = recent && burnOf(recent, budget);
      if (pace !== undefined && pace > burn.factor)
        this.#end(
          new Ended(
            "aborted",
            `${burn.objective} burns its budget ${Math.round(pace)} times as fast as it may over ${burn.over} s; ${burn.factor} is the limit`,
          ),
        );
    }, look);
  }

  #record(load?: LoadEnd, ended?: Date): GameDay {
    const left = this.#appointments
      .slice(this.#runs.length)
      .map((appointment): ExperimentRun => ({ ...appointment, outcome: "not run" }));
    const runs = [...this.#runs, ...left];
    return {
      ...this.setting,
      plan: this.plan.name,
      started: this.#started.toISOString(),
      ...(this.#level && { level: this.#level.toISOString() }),
      ...(ended && { ended: ended.toISOString() }),
      verdict: ended ? (this.#ended?.verdict ?? verdictOf(runs, load)) : "cut off",
      ...(this.#ended && { reason: this.#ended.message }),
      runs,
      ...(load && { load }),
    };
  }

  readonly #failed = (error: unknown): void => {
    this.#end(
      error instanceof Ended ? error : new Ended("failed", error instanceof Error ? error.message : String(error)),
    );
  };

  #end(ended: Ended): void {
    this.#ended ??= ended;
    this.#stop.abort();
  }

  #goOn(): void {
    if (this.#ended) throw this.#ended;
  }

  async #wait(seconds: number): Promise<void> {
    this.#goOn();
    await delay(seconds * 1000, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    this.#goOn();
  }

  /** Waits for `work`, or for the day's end. */
  async #orEnd(work: Promise<void>): Promise<void> {
    this.#goOn();
    const ended = new Promise<void>((resolve) =>
      this.#stop.signal.addEventListener("abort", () => resolve(), { once: true }),
    );
    await Promise.race([work, ended]);
    this.#goOn();
  }
}
