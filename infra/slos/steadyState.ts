import type { Environment } from "../config/schema";
import { failureBudget, objectivesOf, sloTable, type Objective, type SloTable } from "./table";

/** An objective that holds from one moment to the next, as a bound on what a probe measures. */
export interface Steady {
  readonly objective: Objective;
  readonly measured: "failed ratio" | "milliseconds";
  /** Inclusive. */
  readonly most: number;
}

/**
 * What holds while a service is well. Objectives about a fault itself (recovery, scale-out) are an experiment's result, not its premise.
 *
 * @throws Error when the table has no such service, or the service no such objective
 */
export function steadyState(service: string, environment: Environment, table: SloTable = sloTable()): Steady[] {
  const found = objectivesOf(service, environment, table).flatMap((objective): Steady[] => {
    const { indicator, value } = objective;
    if (indicator.kind === "availability") return [{ objective, measured: "failed ratio", most: failureBudget(value) }];
    return indicator.kind === "latency" ? [{ objective, measured: "milliseconds", most: value }] : [];
  });
  if (found.length === 0) throw new Error(`${service} has no objective that a steady state can be made of`);
  return found;
}
