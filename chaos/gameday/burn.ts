import type { Environment } from "../../infra/config/schema";
import { failureBudget, objectives } from "../../infra/slos/table";
import type { LoadSecond } from "./day";

/** Share of requests that may fail, by an availability of the SLO table. @throws when the environment has no such objective */
export function budgetOf(objective: string, environment: Environment): number {
  const found = objectives(environment).find(({ id }) => id === objective);
  if (found?.indicator.kind !== "availability")
    throw new Error(`${objective} is no availability that ${environment} is held to (infra/slos/slos.json)`);
  return failureBudget(found.value);
}

/** How many times as fast as it may the budget is used up; nothing is known of a span that is not measured whole, or had no request. */
export function burnOver(seconds: readonly LoadSecond[], over: number, budget: number): number | undefined {
  const last = seconds.at(-1)?.at;
  if (last === undefined || last - (seconds[0]?.at ?? last) + 1 < over) return undefined;
  return burnOf(
    seconds.filter(({ at }) => at > last - over),
    budget,
  );
}

function burnOf(seconds: readonly LoadSecond[], budget: number): number | undefined {
  const requests = seconds.reduce((sum, each) => sum + each.requests, 0);
  const failed = seconds.reduce((sum, each) => sum + each.failed, 0);
  return requests === 0 ? undefined : failed / requests / budget;
}

export interface MinuteOfBurn {
  /** Unix time at its start, s. */
  readonly at: number;
  readonly requests: number;
  readonly failed: number;
  readonly burn: number | undefined;
}

/** The budget's use, minute by minute. */
export function burnByMinute(seconds: readonly LoadSecond[], budget: number): MinuteOfBurn[] {
  const minutes = new Map<number, LoadSecond[]>();
  for (const second of seconds) {
    const minute = Math.floor(second.at / 60) * 60;
    minutes.set(minute, [...(minutes.get(minute) ?? []), second]);
  }
  return [...minutes].map(([at, within]) => ({
    at,
    requests: within.reduce((sum, each) => sum + each.requests, 0),
    failed: within.reduce((sum, each) => sum + each.failed, 0),
    burn: burnOf(within, budget),
  }));
}
