import { iterationNumbers, numbers, pick, uuid } from "../shared/random";

/** What the requests carry. */
export const newTask = (next: () => number) => ({
  title: `Load ${Math.floor(next() * 1e9)}`,
  priority: pick(next, ["critical", "high", "medium", "low"]),
  policy_version: "1.1.0",
  feature: "load-test",
});

export const newRun = (next: () => number) => ({
  status: pick(next, ["running", "completed", "failed"]),
  metrics: { tokens: Math.floor(next() * 1e4) },
});

export const newGate = (next: () => number) => ({
  name: `Load gate ${Math.floor(next() * 1e6)}`,
  type: pick(next, ["lint", "policy", "security", "quality", "truth"]),
  status: pick(next, ["pass", "pass", "pass", "fail"]),
});

/** The rows that reads go to; the same for the same seed, made once by `prepare`. */
export const known = Array.from({ length: 20 }, (_, index) => {
  const next = numbers(`known/${index}`);
  return { task: uuid(next), run: uuid(next), body: newTask(next) };
});

export const one = (next = iterationNumbers()) => pick(next, known);
