import type { ExperimentInput } from "../experiment/schema";
import { postgresPrimary, postgresStandbys, postgresWhole } from "./steady";

export const postgresPairPartition: ExperimentInput = {
  name: "postgres-pair-partition",
  title: "The nodes of the Postgres primary and of a standby are cut off each other",
  description:
    "Only these two: both still reach the API server and everybody else. Writes go on with the other standby, and there is one primary throughout.",
  contributions: { resilience: "medium", durability: "high" },
  tags: ["postgres", "node"],
  "steady-state-hypothesis": {
    title: "Postgres leads with two standbys",
    probes: [postgresWhole()],
  },
  method: [
    { fault: { kind: "node-partition", target: { of: postgresPrimary }, from: { of: postgresStandbys } }, hold: 30 },
  ],
  ledger: "postgres",
  limits: { namespaces: ["data", "apps", "edge"], share: 0.5, deadline: 600 },
  recovery: 300,
};
