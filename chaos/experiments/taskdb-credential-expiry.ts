import type { ExperimentInput } from "../experiment/schema";
import { taskdbAnswers, taskdbAvailable, taskdbReady } from "./steady";

export const taskdbCredentialExpiry: ExperimentInput = {
  name: "taskdb-credential-expiry",
  title: "The task database's credential expires",
  description:
    "Its role may no longer log in, and its sessions are ended. It is away, as it must be, and says so instead of hanging or dying; when the role is valid again it serves by itself, with no restart, and has lost nothing.",
  contributions: { recovery: "high", security: "medium" },
  tags: ["application", "dependency"],
  "steady-state-hypothesis": {
    title: "The task database serves with two replicas",
    probes: [taskdbAnswers(), taskdbReady("edge"), taskdbAvailable("end")],
  },
  method: [{ fault: { kind: "credential-expiry", role: "taskdb_app" }, hold: 15 }],
  ledger: "taskdb",
  // Where the role's Secret is.
  limits: { namespaces: ["apps"], share: 1, deadline: 240 },
  recovery: 60,
};
