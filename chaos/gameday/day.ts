import type { Environment } from "../../infra/config/schema";
import type { RunningImage } from "../../loadtests/record";
import type { Judged } from "../../loadtests/verdict";
import type { Journal } from "../run/journal";
import { seeded } from "../run/random";
import { losses } from "../run/run";
import type { GameDayPlan, TimelineEntry } from "./plan";

/** `held` is all as it should be; `not run` is what the day's end left out. */
export type Outcome = "held" | "deviated" | "failed" | "aborted" | "interrupted" | "not run";

/** One run of one experiment, decided before the day begins. */
export interface Appointment {
  readonly experiment: string;
  /** Which repeat, from 1, of how many. */
  readonly repeat: number;
  readonly of: number;
  readonly start: TimelineEntry["start"];
  /** Draws its victims. */
  readonly seed: number;
}

export interface ExperimentRun extends Appointment {
  readonly outcome: Outcome;
  readonly started?: string;
  readonly ended?: string;
  readonly reason?: string;
  /** File of its journal, below the day's folder. */
  readonly journal?: string;
}

export interface LoadEnd {
  /** Codes of `ballast load`; that it was ended with the day is no failure. */
  readonly code: number;
  readonly results: readonly Judged[];
  /** What k6 said was wrong, one line each. */
  readonly errors: readonly string[];
}

/** Where and of what a day is; known before it begins. */
export interface Setting {
  readonly id: string;
  readonly stack: string;
  readonly environment: Environment;
  readonly seed: number;
  readonly commit: string;
  /** What ran in the namespaces that may be hit. */
  readonly images: readonly RunningImage[];
}

/** How a day went, `gameday.json`. */
export interface GameDay extends Setting {
  readonly plan: string;
  readonly started: string;
  /** When the load was on its level: zero of the timeline. */
  readonly level?: string;
  /** Nothing while it runs, or when it was cut off. */
  readonly ended?: string;
  readonly verdict: Exclude<Outcome, "not run"> | "cut off";
  readonly reason?: string;
  readonly runs: readonly ExperimentRun[];
  readonly load?: LoadEnd;
}

/** What runs in which order with which seed. Pure: the same plan and seed decide the same. */
export function appointments({ timeline }: GameDayPlan, seed: number): Appointment[] {
  const random = seeded(seed);
  return timeline.flatMap(({ experiment, start, repeat: of, rest }) =>
    Array.from({ length: of }, (_, index) => ({
      experiment,
      repeat: index + 1,
      of,
      start: index === 0 ? start : { after: rest },
      seed: Math.floor(random() * 2 ** 31),
    })),
  );
}

export function outcomeOf({ status, deviated, ballast }: Journal): Exclude<Outcome, "not run"> {
  if (status === "interrupted" || status === "failed" || status === "aborted") return status;
  return deviated || losses(ballast.ledger) > 0 ? "deviated" : "held";
}

/** What the day shows, where nothing ended it before its time. */
export function verdictOf(runs: readonly ExperimentRun[], load: LoadEnd | undefined): "held" | "deviated" | "failed" {
  if (runs.some(({ outcome }) => outcome !== "held" && outcome !== "deviated")) return "failed";
  // Without load nothing is known of what users would have seen.
  if (!load || load.results.some(({ state }) => state === "unknown")) return "failed";
  return runs.some(({ outcome }) => outcome === "deviated") ? "deviated" : "held";
}
