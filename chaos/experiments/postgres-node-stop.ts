import type { ExperimentInput } from "../experiment/schema";
import { postgresPrimary, postgresWhole, taskdbAnswers, taskdbReady } from "./steady";

export const postgresNodeStop: ExperimentInput = {
  name: "postgres-node-stop",
  title: "The node of the Postgres primary loses its power",
  description:
    "Every process of the node ends at once and nobody says good-bye. A standby on another node takes over; the node comes back and its member follows again.",
  contributions: { resilience: "high", durability: "high" },
  tags: ["postgres", "node"],
  "steady-state-hypothesis": {
    title: "Postgres leads with two standbys, and the task database serves from it",
    probes: [taskdbAnswers(), postgresWhole(), taskdbReady("edge")],
  },
  method: [{ fault: { kind: "node-stop", target: { of: postgresPrimary } }, hold: 45 }],
  ledger: "postgres",
  limits: { namespaces: ["data", "apps", "edge"], share: 0.5, deadline: 600 },
  recovery: 300,
};
