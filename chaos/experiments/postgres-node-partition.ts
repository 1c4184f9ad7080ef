import type { ExperimentInput } from "../experiment/schema";
import { postgresPrimary, postgresWhole, taskdbAnswers, taskdbReady } from "./steady";

export const postgresNodePartition: ExperimentInput = {
  name: "postgres-node-partition",
  title: "The node of the Postgres primary is cut off the network",
  description:
    "The node and its pods go on, and nobody reaches them. The old primary must stop taking writes before another begins.",
  contributions: { resilience: "high", durability: "high" },
  tags: ["postgres", "node"],
  "steady-state-hypothesis": {
    title: "Postgres leads with two standbys, and the task database serves from it",
    probes: [taskdbAnswers(), postgresWhole(), taskdbReady("edge")],
  },
  method: [{ fault: { kind: "node-partition", target: { of: postgresPrimary } }, hold: 45 }],
  ledger: "postgres",
  limits: { namespaces: ["data", "apps", "edge"], share: 0.5, deadline: 600 },
  recovery: 300,
};
