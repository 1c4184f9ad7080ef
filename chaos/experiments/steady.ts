import type { ExperimentInput } from "../experiment/schema";

type ProbeInput = ExperimentInput["steady-state-hypothesis"]["probes"][number];
type Mode = ProbeInput["mode"];

/** What the stack's own steady state is made of; each experiment takes what it is about. */

const taskdb = { kind: "Deployment", namespace: "apps", name: "taskdb" } as const;
const cheapRead = "/api/v1/tasks?limit=1";
/** Seconds between two looks where it matters how fast something is back. */
const closely = 0.5;

/** The task database answers a read. */
export const taskdbAnswers = (mode: Mode = "continuous"): ProbeInput => ({
  kind: "http",
  name: "the task database answers",
  mode,
  every: closely,
  service: "taskdb",
  path: cheapRead,
  tolerance: { equals: 200 },
});

export const taskdbReady = (mode: Mode = "continuous"): ProbeInput => ({
  kind: "ready-replicas",
  name: "two replicas of the task database are ready",
  mode,
  every: closely,
  workload: taskdb,
  tolerance: { atLeast: 2 },
});

export const taskdbFast = (mode: Mode = "continuous"): ProbeInput => ({
  kind: "objective",
  name: "the task database answers in time",
  mode,
  service: "taskdb",
  objective: "taskdb-response",
  path: cheapRead,
});

export const taskdbAvailable = (mode: Mode = "continuous"): ProbeInput => ({
  kind: "objective",
  name: "the task database is available",
  mode,
  service: "taskdb",
  objective: "taskdb-availability",
  path: cheapRead,
});

export const postgresWhole = (mode: Mode = "continuous"): ProbeInput => ({
  kind: "postgres-whole",
  name: "Postgres leads, and its standbys keep up",
  mode,
  every: closely,
});

/** Pods that the experiments aim at. */
export const taskdbPods = { namespace: "apps", labels: { "app.kubernetes.io/name": "taskdb" } };
export const postgresPrimary = { namespace: "data", labels: { "cluster-name": "postgres", role: "primary" } };
export const postgresStandbys = { namespace: "data", labels: { "cluster-name": "postgres", role: "replica" } };
export const taskdbWorkload = taskdb;
