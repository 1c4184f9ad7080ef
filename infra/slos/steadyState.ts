import type { Environment } from "../config/schema";
import { failureBudget, objectivesOf, sloTable, type Objective, type SloTable } from "./table";

/** Where a probe gets its value from, in the form of Chaos Toolkit. */
export interface Provider {
  readonly type: "process" | "http" | "python";
  readonly [key: string]: unknown;
}

export interface SteadyStateProbe {
  readonly type: "probe";
  readonly name: string;
  /** Bounds are inclusive. */
  readonly tolerance: { readonly type: "range"; readonly range: readonly [number, number]; readonly target?: string };
  readonly provider: Provider;
}

/** A steady-state hypothesis in the form of Chaos Toolkit. */
export interface SteadyState {
  readonly title: string;
  readonly probes: readonly SteadyStateProbe[];
}

/** What a probe gives: the share of failed requests, or milliseconds at the objective's quantile. */
export interface Steady {
  readonly objective: Objective;
  readonly measured: "failed ratio" | "milliseconds";
}

/**
 * That the service keeps the objectives which hold from one moment to the next. Those about a fault itself (recovery, scale-out) are the
 * experiment's result, not its premise.
 *
 * @param provider where each value comes from
 */
export function steadyState(
  service: string,
  environment: Environment,
  provider: (steady: Steady) => Provider,
  table: SloTable = sloTable(),
): SteadyState {
  const probes = objectivesOf(service, environment, table).flatMap((objective): SteadyStateProbe[] => {
    const { indicator, value, id } = objective;
    const probe = (measured: Steady["measured"], most: number): SteadyStateProbe => {
      const from = provider({ objective, measured });
      const target = from.type === "process" ? { target: "stdout" } : {};
      return { type: "probe", name: id, tolerance: { type: "range", range: [0, most], ...target }, provider: from };
    };
    if (indicator.kind === "availability") return [probe("failed ratio", failureBudget(value))];
    return indicator.kind === "latency" ? [probe("milliseconds", value)] : [];
  });
  if (probes.length === 0) throw new Error(`${service} has no objective that a steady state can be made of`);
  const { milestone } = table.environments[environment];
  return { title: `${service} keeps the objectives of ${milestone}`, probes };
}
