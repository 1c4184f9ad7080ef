import exec from "k6/execution";
import http from "k6/http";
import type { Plan, Target } from "../../plan";
import { segmentOf } from "./segment";
import { summaryLines } from "./summary";

/** What this run is; k6 runs it, `plan.ts` of loadtests/ has made it. */
export const plan = JSON.parse(open(__ENV["BALLAST_LOAD_PLAN"] ?? "./plan.json")) as Plan;
/** Kubernetes tells a pod of a Job its number. */
const share = plan.shards === undefined ? {} : segmentOf(Number(__ENV["JOB_COMPLETION_INDEX"] ?? 0), plan.shards);
export const options = { ...plan.options, ...share };

export function target(service: string): Target {
  const found = plan.targets[service];
  if (found === undefined) throw new Error(`the plan has no target ${service}`);
  return found;
}

/** Ends the run before any load where a service is not what the plan says. */
export function setup(): void {
  for (const [service, { url, ready, schema }] of Object.entries(plan.targets)) {
    const answer = http.get(`${url}${ready}`, { timeout: "10s" });
    if (answer.status !== 200) {
      const why = answer.status === 0 ? answer.error : `it answers ${answer.status}`;
      exec.test.abort(`${service} at ${url}${ready} is not ready: ${why}`);
    }
    if (schema === undefined) continue;
    const found = (answer.json() as { schema?: string } | null)?.schema;
    if (found !== schema)
      exec.test.abort(
        `${service} has the schema ${found ?? "unknown"}, these scripts need ${schema}: bring the stack up to date`,
      );
  }
}

export function handleSummary(data: unknown): Record<string, string> {
  const text = JSON.stringify(data);
  return { [plan.summary ?? "stdout"]: plan.shards === undefined ? text : summaryLines(text) };
}
