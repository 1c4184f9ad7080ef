import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbFast, taskdbPods, taskdbReady } from "./steady";

export const taskdbSlowDatabase: ExperimentInput = {
  name: "taskdb-slow-database",
  title: "The database answers the task database late",
  description:
    "Every answer of the database comes 100 ms later, for all pods of the service. Requests in flight fail when their connection is moved to the slow way; those after it are answered, later by the delay of each statement, and the pods stay ready.",
  contributions: { resilience: "high", performance: "medium" },
  tags: ["application", "dependency"],
  "steady-state-hypothesis": {
    title: "The task database serves in time with two replicas",
    probes: [taskdbAnswers(), taskdbReady(), taskdbAvailable("end"), taskdbFast("end")],
  },
  method: [
    {
      fault: {
        kind: "dependency",
        target: { ...taskdbPods, pick: "all" },
        service: { namespace: "data", name: "postgres", port: 5432 },
        toxic: { type: "latency", milliseconds: 100 },
      },
      hold: 30,
    },
  ],
  ledger: "taskdb",
  // A database is slow for everybody.
  limits: { namespaces: ["apps"], share: 1, deadline: 240 },
  recovery: 60,
};
