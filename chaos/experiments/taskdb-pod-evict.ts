import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbPods, taskdbReady } from "./steady";

export const taskdbPodEvict: ExperimentInput = {
  name: "taskdb-pod-evict",
  title: "A pod of the task database is evicted",
  description:
    "Through the eviction API, as a drain does it: the pod drains its requests first, and its disruption budget has a say. No request fails.",
  contributions: { availability: "high" },
  tags: ["application"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady(), taskdbAvailable("during"), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "pod-evict", target: taskdbPods }, hold: 10 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 0.5, deadline: 180 },
  recovery: 60,
};
