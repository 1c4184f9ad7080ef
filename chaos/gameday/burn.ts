import type { Environment } from "../../infra/config/schema";
import { failureBudget, objectives } from "../../infra/slos/table";
import type { RunSeries } from "../../loadtests/series/series";
import { scenarioTable } from "../../loadtests/table";

/** Requests of some time, and those of them that failed. */
export interface Requests {
  readonly requests: number;
  readonly failed: number;
}

export interface Budget {
  /** Share of requests that may fail. */
  readonly share: number;
  /** Scenarios of the load that show it. */
  readonly scenarios: readonly string[];
}

/** The budget of an availability of the SLO table. @throws when the environment is held to no such */
export function budgetOf(objective: string, environment: Environment): Budget {
  const found = objectives(environment).find(({ id }) => id === objective);
  if (found?.indicator.kind !== "availability")
    throw new Error(`${objective} is no availability that ${environment} is held to (infra/slos/slos.json)`);
  const { scenarios } = scenarioTable();
  return {
    share: failureBudget(found.value),
    scenarios: scenarios.filter(({ service }) => service === found.service).map(({ name }) => name),
  };
}

/** How many times as fast as it may the budget is used up. Without a request nothing is known. */
export const burnOf = ({ requests, failed }: Requests, { share }: Budget): number | undefined =>
  requests === 0 ? undefined : failed / requests / share;

export interface MinuteOfBurn extends Requests {
  /** Seconds since the series began. */
  readonly from: number;
  readonly burn: number | undefined;
}

/** The budget's use, minute by minute of the load, those without a request among them. */
export function burnByMinute({ scenarios, intervalSeconds }: RunSeries, budget: Budget): MinuteOfBurn[] {
  const minutes: { requests: number; failed: number }[] = [];
  for (const name of budget.scenarios) {
    for (const { at, requests, failed } of scenarios[name] ?? []) {
      const minute = Math.floor((at * intervalSeconds) / 60);
      while (minutes.length <= minute) minutes.push({ requests: 0, failed: 0 });
      const sum = minutes[minute];
      if (!sum) continue;
      sum.requests += requests;
      sum.failed += failed;
    }
  }
  return minutes.map((sum, minute) => ({ from: minute * 60, ...sum, burn: burnOf(sum, budget) }));
}
