import { setTimeout as delay } from "node:timers/promises";
import { makePlan, type Plan, type PlanChoice } from "../../loadtests/plan";
import { type RunOptions, runLoad } from "../../loadtests/run";
import { SeriesCollector } from "../../loadtests/series/collect";
import { type Profile, profileTable } from "../../loadtests/table";
import { exitOf } from "../../loadtests/verdict";
import type { RunningLoad } from "./run";

/** k6's code when it was told to end. */
const toldToEnd = 105;
/** How often it is looked for the first request, ms. */
const look = 200;

/** Whether a profile ends on a level that can be held. */
export function endsLevel({ start, stages }: Profile): boolean {
  return stages.at(-1)?.to === (stages.at(-2)?.to ?? start);
}

/** A profile that stays on its last level for so long, whatever its objectives. */
export function heldProfile(profile: Profile, seconds: number): Profile {
  const last = profile.stages.at(-1);
  return {
    ...profile,
    abortOnMiss: false,
    stages: [...profile.stages.slice(0, -1), ...(last ? [{ ...last, seconds }] : [])],
  };
}

/** The load of a day that lasts for so many seconds at the most. */
export const dayLoad = (choice: PlanChoice, seconds: number): Plan =>
  makePlan(choice, { profile: heldProfile(profileTable()[choice.profile], seconds) });

/** Puts a day's load on, until its signal ends it. */
export function startLoad(
  options: Pick<RunOptions, "plan" | "k6" | "folder" | "authorities">,
  signal: AbortSignal,
): RunningLoad {
  const collector = new SeriesCollector(1);
  let over = false;
  const ended = runLoad({ ...options, collector, signal })
    .then(({ code, k6Code, results, errors }) => ({
      code: signal.aborted && k6Code === toldToEnd ? exitOf(0, results) : code,
      results,
      errors,
    }))
    .finally(() => (over = true));
  return {
    onLevel: onLevel(),
    recent: (seconds, scenarios) => collector.recent(seconds, scenarios),
    ended,
  };

  async function onLevel(): Promise<void> {
    const { profile, due } = options.plan;
    const scenarios = Object.keys(due);
    while (collector.recent(1, scenarios) === undefined) {
      if (over) return new Promise(() => undefined);
      await delay(look);
    }
    const { stages } = profileTable()[profile];
    const rise = stages.slice(0, -1).reduce((sum, { seconds }) => sum + seconds, 0);
    await delay(rise * 1000, undefined, { signal }).catch(() => undefined);
  }
}
