import type { ExperimentInput } from "../experiment/schema";
import { postgresWhole, taskdbAnswers, taskdbReady } from "./steady";

export const apiServerDown: ExperimentInput = {
  name: "api-server-down",
  title: "The Kubernetes API server does not answer",
  description:
    "What runs goes on running: users of the task database notice nothing, and Postgres keeps its primary for as long as nobody is heard.",
  contributions: { resilience: "high" },
  tags: ["control-plane"],
  "steady-state-hypothesis": {
    title: "Everything serves with its redundancy",
    probes: [taskdbAnswers(), postgresWhole("edge"), taskdbReady("edge")],
  },
  method: [{ fault: { kind: "api-server-down" }, hold: 15 }],
  ledger: "postgres",
  limits: { namespaces: ["data", "apps"], share: 0.5, deadline: 300 },
  recovery: 180,
};
