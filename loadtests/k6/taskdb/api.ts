import { check } from "k6";
import exec from "k6/execution";
import http, { type RefinedResponse } from "k6/http";
import { credentials } from "../shared/auth";
import { plan, target } from "../shared/plan";
import { known } from "./data";

const base = (): string => `${target("taskdb").url}/api/v1`;
const headers = () => ({ "Content-Type": "application/json", ...credentials() });

type Answer = RefinedResponse<"text">;

/** A write that may be sent twice and happens once; its key is of this run, so that another run writes anew. */
export function write(method: "POST" | "PATCH", path: string, name: string, body: object): Answer {
  const key = `${plan.run}-${exec.scenario.name}-${exec.scenario.iterationInTest}`;
  return http.request<"text">(method, `${base()}${path}`, JSON.stringify(body), {
    headers: { ...headers(), "Idempotency-Key": key },
    tags: { name },
    responseType: "text",
  });
}

export const read = (path: string, name: string): Answer =>
  http.get<"text">(`${base()}${path}`, { headers: headers(), tags: { name }, responseType: "text" });

/** An answer in time that says something else than it should is a failure. */
export function expect(answer: Answer, status: number, field: string): void {
  check(answer, {
    [`answers ${status} with ${field}`]: ({ status: found, body }) => found === status && body.includes(`"${field}"`),
  });
}

/** Makes the rows that the scenarios read and extend; those of an earlier run with the same seed are taken. */
export function prepare(): void {
  const make = (path: string, body: object): void => {
    const answer = http.post(`${base()}${path}`, JSON.stringify(body), {
      headers: headers(),
      responseCallback: http.expectedStatuses(201, 409),
    });
    if (answer.status !== 201 && answer.status !== 409)
      exec.test.abort(`preparing ${path} answered ${answer.status}: ${String(answer.body).slice(0, 300)}`);
  };
  for (const { task, run, body } of known) {
    make("/tasks", { id: task, ...body });
    make(`/tasks/${task}/runs`, { id: run, status: "running" });
  }
}
