import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbFast, taskdbPods, taskdbReady } from "./steady";

export const taskdbCpuPressure: ExperimentInput = {
  name: "taskdb-cpu-pressure",
  title: "Something in a task database pod uses up its processor",
  description:
    "Two busy loops in one pod take what its limit allows, so that the service beside them is held back. It answers later and goes on answering; the other pod, and the autoscaler, take what it cannot.",
  contributions: { resilience: "medium", performance: "high" },
  tags: ["application", "pressure"],
  "steady-state-hypothesis": {
    title: "The task database serves in time with two replicas",
    probes: [taskdbAnswers(), taskdbReady("edge"), taskdbAvailable("end"), taskdbFast("end")],
  },
  method: [{ fault: { kind: "cpu-pressure", target: taskdbPods, workers: 2 }, hold: 30 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 0.5, deadline: 240 },
  recovery: 60,
};
