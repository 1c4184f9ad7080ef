import type { GameDayPlanInput } from "../plan";

/** One of each kind that the platform must survive: pod, database, node, network, control plane, disk. */
export const firstGameday: GameDayPlanInput = {
  name: "first-gameday",
  title: "The first GameDay",
  hypothesis:
    "Under an ordinary day's load, the task database survives the loss of any one of its parts: it recovers by itself within the objective, and no acknowledged write is lost.",
  requirements: ["C-130", "C-137", "P-12", "P-14"],
  roles: {
    facilitator: "explains the hypothesis, starts the day, and decides to end it",
    operator: "acts by the runbooks, and only where nothing happens by itself",
    observer: "notes what is seen and what surprises, for notes.md beside the report",
  },
  load: { profile: "baseline", scenarios: ["taskdb"], before: 60, after: 60 },
  timeline: [
    { experiment: "taskdb-pod-kill", repeat: 3 },
    { experiment: "postgres-primary-kill", repeat: 3 },
    { experiment: "postgres-node-stop" },
    { experiment: "postgres-node-partition" },
    { experiment: "api-server-down" },
    { experiment: "postgres-disk-full" },
  ],
  abort: { deadline: 5400, burn: { objective: "taskdb-availability", factor: 900, over: 180 }, tolerate: ["deviated"] },
  questions: [
    "Does each loss recover by itself within the objective, and which takes longest?",
    "Was any acknowledged write lost, doubled or read stale, on any member?",
    "How much of the error budget did the day use, and which fault used most of it?",
    "What would somebody on call have had to do by hand?",
  ],
};
