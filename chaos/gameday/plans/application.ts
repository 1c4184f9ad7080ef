import type { GameDayPlanInput } from "../plan";

export const application: GameDayPlanInput = {
  name: "application",
  title: "The task database's own pods, and what they depend on, fail",
  hypothesis:
    "Losing a pod costs no request beyond those in flight; pressure, slow or missing dependencies are answered in order, and everything recovers by itself.",
  requirements: ["C-130", "P-12", "P-14"],
  roles: {
    facilitator: "starts the day, and ends it when the service does not come back",
    operator: "acts by the runbook of the alert that comes, and only where nothing happens by itself",
    observer: "notes which requests failed, and with which status",
  },
  load: { profile: "baseline", scenarios: ["taskdb"], before: 60, after: 60 },
  timeline: [
    { experiment: "taskdb-pod-kill", repeat: 3 },
    { experiment: "taskdb-container-kill", repeat: 3 },
    { experiment: "taskdb-pod-evict" },
    { experiment: "taskdb-cpu-pressure" },
    { experiment: "taskdb-memory-pressure" },
    { experiment: "taskdb-dns-failure" },
    { experiment: "taskdb-slow-database" },
    { experiment: "taskdb-credential-expiry" },
    { experiment: "taskdb-scale-to-zero" },
  ],
  abort: { deadline: 5400, burn: { objective: "taskdb-availability", factor: 900, over: 180 }, tolerate: ["deviated"] },
  questions: [
    "How many requests failed when a pod was killed, and were they all in flight?",
    "Which fault of a dependency reached the client, and how was it answered?",
    "Did the service shed load rather than fall over under pressure?",
  ],
};
