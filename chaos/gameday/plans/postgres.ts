import type { GameDayPlanInput } from "../plan";

export const postgres: GameDayPlanInput = {
  name: "postgres",
  title: "The database loses its primary, in every way there is",
  hypothesis:
    "However the primary is lost, a standby takes over within seconds, the task database goes on by itself, and no acknowledged write is lost.",
  requirements: ["C-130", "C-137"],
  roles: {
    facilitator: "starts the day, watches the budget, and ends it when the service does not come back",
    operator: "acts by docs/runbooks/postgres-failover.md, and only where nothing happens by itself",
    observer: "notes which alerts came, and what patroni said of each failover",
  },
  load: { profile: "baseline", scenarios: ["taskdb"], before: 60, after: 60 },
  timeline: [
    { experiment: "postgres-primary-kill", repeat: 3 },
    { experiment: "postgres-primary-container-kill", repeat: 3 },
    { experiment: "postgres-pair-partition" },
    { experiment: "postgres-node-partition" },
    { experiment: "postgres-disk-full" },
  ],
  abort: { deadline: 5400, burn: { objective: "taskdb-availability", factor: 900, over: 180 }, tolerate: ["deviated"] },
  questions: [
    "How long could nothing be written after each kind of loss, and which was the longest?",
    "Was any acknowledged write lost, doubled or read stale, on any member?",
    "Did clients of the task database see more than refused requests: wrong answers, hanging connections?",
  ],
};
