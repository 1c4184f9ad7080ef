import type { GameDayPlanInput } from "../plan";

export const nodeLoss: GameDayPlanInput = {
  name: "node-loss",
  title: "Whole machines, and the control plane, are lost",
  hypothesis:
    "The loss of any one node or of the control plane is survived without anybody's help, and no acknowledged write is lost.",
  requirements: ["C-130", "C-137"],
  roles: {
    facilitator: "starts the day, and ends it when the service does not come back",
    operator: "starts no node by hand; acts only when a rollback fails",
    observer: "notes how long the node was taken for ready, and where its pods went",
  },
  load: { profile: "baseline", scenarios: ["taskdb"], before: 60, after: 60 },
  timeline: [
    { experiment: "node-drain" },
    { experiment: "postgres-node-stop", repeat: 2 },
    { experiment: "postgres-node-partition" },
    { experiment: "api-server-down" },
  ],
  abort: { deadline: 5400, burn: { objective: "taskdb-availability", factor: 900, over: 240 }, tolerate: ["deviated"] },
  questions: [
    "How long was the service away after each loss, and what did the time go into?",
    "Did what already ran go on while the control plane was away?",
    "Was redundancy restored before the next loss, and how long did that take?",
  ],
};
