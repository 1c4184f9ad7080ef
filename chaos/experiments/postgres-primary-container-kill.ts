import type { ExperimentInput } from "../experiment/schema";
import { postgresPrimary, postgresWhole, taskdbAnswers } from "./steady";

export const postgresPrimaryContainerKill: ExperimentInput = {
  name: "postgres-primary-container-kill",
  title: "The container of the Postgres primary is killed",
  description:
    "Its first process gets SIGKILL and all of Postgres with it; nobody gives the leadership back, so its lease must run out.",
  contributions: { resilience: "high", durability: "high" },
  tags: ["postgres"],
  "steady-state-hypothesis": {
    title: "Postgres leads with two standbys, and the task database serves from it",
    probes: [taskdbAnswers(), postgresWhole()],
  },
  method: [{ fault: { kind: "container-kill", target: postgresPrimary, container: "postgres" }, hold: 5 }],
  ledger: "postgres",
  limits: { namespaces: ["data"], share: 0.5, deadline: 300 },
  recovery: 180,
};
