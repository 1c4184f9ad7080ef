import type { ExperimentInput } from "../experiment/schema";
import { postgresPrimary, postgresWhole, taskdbAnswers } from "./steady";

export const postgresPrimaryKill: ExperimentInput = {
  name: "postgres-primary-kill",
  title: "The pod of the Postgres primary dies",
  description:
    "The primary is deleted without grace. A synchronous standby takes over; nothing that was acknowledged is lost, and no two members take writes at once.",
  contributions: { resilience: "high", durability: "high" },
  tags: ["postgres"],
  "steady-state-hypothesis": {
    title: "Postgres leads with two standbys, and the task database serves from it",
    probes: [taskdbAnswers(), postgresWhole()],
  },
  method: [{ fault: { kind: "pod-kill", target: postgresPrimary }, hold: 5 }],
  ledger: "postgres",
  limits: { namespaces: ["data"], share: 0.5, deadline: 300 },
  recovery: 180,
};
