import type { ExperimentInput } from "../experiment/schema";
import { postgresWhole, taskdbAnswers, taskdbPods, taskdbReady } from "./steady";

export const nodeDrain: ExperimentInput = {
  name: "node-drain",
  title: "A node is drained for maintenance",
  description:
    "The node of a task database pod is cordoned and its pods are evicted, one after the other as their disruption budgets allow. Users notice nothing but the switch of the database, if its primary was there.",
  contributions: { availability: "high", operability: "high" },
  tags: ["node"],
  "steady-state-hypothesis": {
    title: "Everything serves with its redundancy",
    probes: [taskdbAnswers(), taskdbReady(), postgresWhole()],
  },
  method: [{ fault: { kind: "node-drain", target: { of: taskdbPods } }, hold: 10 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps", "data", "edge"], share: 0.5, deadline: 600 },
  recovery: 300,
};
