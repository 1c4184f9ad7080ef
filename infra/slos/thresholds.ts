import type { Environment } from "../config/schema";
import { failureBudget, objectivesOf, sloTable, type Objective, type SloTable } from "./table";

/** A threshold in k6's words, and the objective that it stands for. */
export interface LoadThreshold {
  /** Metric with the tags that pick its samples: `http_req_duration{scenario:taskdb-create-task}`. */
  readonly metric: string;
  /** `p(95)<200` */
  readonly expression: string;
  readonly objective: Objective;
}

/** What of a service a load scenario exercises. */
export interface LoadScope {
  readonly service: string;
  /** Name of the k6 scenario, by which its samples are tagged. */
  readonly scenario: string;
  /**
   * The operation of the service that it calls, where that has objectives of its own.
   * @default none
   */
  readonly operation?: string;
}

/** The objectives that a client can measure, as thresholds on one scenario. */
export function loadThresholds(
  { service, scenario, operation }: LoadScope,
  environment: Environment,
  table: SloTable = sloTable(),
): LoadThreshold[] {
  const tagged = (metric: string) => `${metric}{scenario:${scenario}}`;
  return objectivesOf(service, environment, table).flatMap((objective): LoadThreshold[] => {
    const { indicator, value } = objective;
    if (indicator.kind === "availability") {
      const budget = failureBudget(value);
      return [
        { metric: tagged("http_req_failed"), expression: `rate<${budget}`, objective },
        // An answer in time that is wrong is a failure, too.
        { metric: tagged("checks"), expression: `rate>${Number((1 - budget).toPrecision(9))}`, objective },
      ];
    }
    if (indicator.kind !== "latency") return [];
    if (indicator.operation !== undefined && indicator.operation !== operation) return [];
    const percent = Number((indicator.quantile * 100).toPrecision(6));
    return [{ metric: tagged("http_req_duration"), expression: `p(${percent})<${value}`, objective }];
  });
}
