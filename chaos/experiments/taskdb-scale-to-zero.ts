import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbReady, taskdbWorkload } from "./steady";

export const taskdbScaleToZero: ExperimentInput = {
  name: "taskdb-scale-to-zero",
  title: "The task database is scaled to nothing",
  description:
    "Somebody sets its replicas to 0. It is away until they are set back; then it serves again by itself, and has lost nothing.",
  contributions: { recovery: "high" },
  tags: ["application"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady(), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "scale-to-zero", target: taskdbWorkload }, hold: 10 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 1, deadline: 240 },
  recovery: 90,
};
