import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbPods, taskdbReady } from "./steady";

export const taskdbMemoryPressure: ExperimentInput = {
  name: "taskdb-memory-pressure",
  title: "Something in a task database pod takes half of its memory",
  description:
    "256 MiB of the pod's 512 MiB are held by another process. The service's heap has its own, smaller bound, so both fit: nothing is killed, and users notice nothing.",
  contributions: { resilience: "medium" },
  tags: ["application", "pressure"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady(), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "memory-pressure", target: taskdbPods, megabytes: 256 }, hold: 30 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 0.5, deadline: 240 },
  recovery: 60,
};
