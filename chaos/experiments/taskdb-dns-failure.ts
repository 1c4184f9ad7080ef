import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbPods, taskdbReady } from "./steady";

export const taskdbDnsFailure: ExperimentInput = {
  name: "taskdb-dns-failure",
  title: "A task database pod can look up no name",
  description:
    "Answers of name servers do not reach one pod. Its open connections to the database go on; only where it must open a new one does it fail, and then it stops being ready and the other pod serves.",
  contributions: { resilience: "high" },
  tags: ["application", "network"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady("edge"), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "dns-failure", target: taskdbPods }, hold: 30 }],
  ledger: "taskdb",
  limits: { namespaces: ["apps"], share: 0.5, deadline: 240 },
  recovery: 60,
};
