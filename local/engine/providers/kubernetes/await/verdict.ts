import type { JsonMap } from "../object";

/** What is seen of a resource and its surroundings at one moment. */
export interface Observation {
  readonly object: JsonMap;
  /** Pods of the namespace (workloads and Services only). */
  readonly pods: readonly JsonMap[];
  /** Warning events of the namespace. */
  readonly events: readonly JsonMap[];
  /** ReplicaSets of a Deployment, EndpointSlices of a Service. */
  readonly related: readonly JsonMap[];
}

export interface Verdict {
  readonly ready: boolean;
  /** One line on where it stands: "2 of 3 replicas are available". */
  readonly status: string;
  /** Why it is not further, one line each; they may heal. */
  readonly problems: readonly string[];
  /** The pods that keep it from being ready, for their logs. */
  readonly culprits?: readonly JsonMap[];
  /** Set when it can never become ready. */
  readonly failed?: boolean;
}

export type Judge = (seen: Observation) => Verdict;

export const ready = (status = "ready"): Verdict => ({ ready: true, status, problems: [] });
export const waiting = (
  status: string,
  problems: readonly string[] = [],
  culprits: readonly JsonMap[] = [],
): Verdict => ({
  ready: false,
  status,
  problems,
  culprits,
});
