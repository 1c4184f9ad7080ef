import type { ExperimentInput } from "../experiment/schema";
import { postgresPrimary, postgresWhole, taskdbAnswers } from "./steady";

export const postgresDiskFull: ExperimentInput = {
  name: "postgres-disk-full",
  title: "The volume of the Postgres primary is full",
  description:
    "One file takes all that is free on the primary's volume. Writes that need room are refused with SQLSTATE 53100 while reads go on; where the log needs a new segment, the primary ends and a standby takes over. With room again, all is whole by itself.",
  contributions: { resilience: "high", durability: "high" },
  tags: ["postgres", "storage"],
  "steady-state-hypothesis": {
    title: "Postgres leads with two standbys, and the task database serves from it",
    probes: [taskdbAnswers(), postgresWhole()],
  },
  method: [
    {
      fault: {
        kind: "disk-fill",
        target: postgresPrimary,
        container: "postgres",
        path: "/var/lib/postgresql",
        leaveMegabytes: 0,
      },
      hold: 30,
    },
  ],
  ledger: "postgres",
  limits: { namespaces: ["data"], share: 0.5, deadline: 300 },
  recovery: 180,
};
