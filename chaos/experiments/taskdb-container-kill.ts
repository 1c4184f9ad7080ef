import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbPods, taskdbReady } from "./steady";

export const taskdbContainerKill: ExperimentInput = {
  name: "taskdb-container-kill",
  title: "The process of a task database replica is killed",
  description:
    "The first process of one container gets SIGKILL; the kubelet starts the container anew in the same pod.",
  contributions: { resilience: "high" },
  tags: ["application"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady(), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "container-kill", target: taskdbPods, container: "taskdb" }, hold: 5 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 0.5, deadline: 180 },
  recovery: 60,
};
