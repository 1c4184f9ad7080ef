import { type Experiment, parseExperiment } from "../../experiment/schema";
import type { Journal, LedgerVerdict } from "../../run/journal";
import type { LoadEnd } from "../day";
import type { GameDayPlanInput } from "../plan";

export const experimentOf = (name: string, hold = 1): Experiment =>
  parseExperiment(
    {
      name,
      title: `Title of ${name}`,
      description: "A pod of the service is killed while it works.",
      contributions: { availability: "high" },
      "steady-state-hypothesis": {
        title: "the service answers",
        probes: [
          {
            kind: "http",
            name: "answers",
            mode: "edge",
            service: "taskdb",
            path: "/readyz",
            tolerance: { equals: 200 },
          },
        ],
      },
      method: [
        {
          fault: { kind: "pod-kill", target: { namespace: "apps", labels: { "app.kubernetes.io/name": "taskdb" } } },
          hold,
        },
      ],
      limits: { namespaces: ["apps"], share: 0.5, deadline: 60 },
      recovery: 30,
    },
    name,
  );

/** A day of two experiments that lasts no longer than its work. */
export const quickPlan = (change: Partial<GameDayPlanInput> = {}): GameDayPlanInput => ({
  name: "quick",
  title: "A quick day",
  hypothesis: "Nothing that happens here is noticed by anybody.",
  requirements: ["C-130"],
  roles: { facilitator: "leads the day", operator: "acts as on any day", observer: "writes it down" },
  load: { profile: "smoke", scenarios: ["taskdb"], before: 0, after: 0 },
  timeline: [
    { experiment: "first", start: { after: 0 }, repeat: 2, rest: 0 },
    { experiment: "second", start: { after: 0 } },
  ],
  abort: { deadline: 60 },
  questions: ["Was anything noticed by anybody?"],
  ...change,
});

export const known = [experimentOf("first"), experimentOf("second")];

export const wholeLedger: LedgerVerdict = {
  acknowledged: 100,
  failed: 2,
  indeterminate: 1,
  lost: 0,
  duplicated: 0,
  resurrected: 0,
  stale: 0,
  longestGap: 1.5,
  readFrom: ["postgres-0", "postgres-1"],
};

export function journalOf(name: string, change: Partial<Journal> = {}, start = "2026-11-27T10:00:00.000Z"): Journal {
  const at = (seconds: number) => new Date(Date.parse(start) + seconds * 1000).toISOString();
  return {
    experiment: experimentOf(name),
    start,
    end: at(20),
    duration: 20,
    status: "completed",
    deviated: false,
    steady_states: { before: [], during: [], after: [] },
    run: [
      {
        name: "1: pod-kill",
        start: at(2),
        end: at(5),
        duration: 3,
        status: "succeeded",
        victims: ["pod apps/taskdb-a (1) on node-1"],
        evidence: ["pod apps/taskdb-a (1) is gone"],
      },
    ],
    rollbacks: [],
    ballast: {
      stack: "local",
      seed: 1,
      timings: [
        {
          injected: at(2),
          firstError: 0.2,
          detected: 0.2,
          lastError: 1.4,
          writeGap: 1.5,
          recovery: 2,
          redundancyRestored: 4,
        },
      ],
      ledger: wholeLedger,
    },
    ...change,
  };
}

export const keptLoad: LoadEnd = {
  code: 0,
  results: [
    {
      scenario: "taskdb-read-task",
      metric: "http_req_duration{scenario:taskdb-read-task}",
      expression: "p(95)<200",
      requirement: "C-137",
      value: 12,
      limit: 200,
      margin: 0.94,
      state: "ok",
    },
  ],
  errors: [],
};
