import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbPods, taskdbReady } from "./steady";

export const taskdbPodKill: ExperimentInput = {
  name: "taskdb-pod-kill",
  title: "A pod of the task database dies",
  description:
    "One pod of the service is deleted without grace, as when its process is killed for want of memory. The others go on serving, so users notice nothing beyond the requests that this pod was answering.",
  contributions: { resilience: "high", availability: "high" },
  tags: ["application"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady(), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "pod-kill", target: taskdbPods }, hold: 5 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 0.5, deadline: 180 },
  recovery: 60,
};
