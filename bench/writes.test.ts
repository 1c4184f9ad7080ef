import assert from "node:assert/strict";
import { writeCalls } from "./writes";

const sample = (verb: string, resource: string, count: number, more: Record<string, string> = {}): string => {
  const labels = {
    code: "200",
    component: "apiserver",
    dry_run: "",
    group: "",
    resource,
    scope: "resource",
    subresource: "",
    verb,
    version: "v1",
    ...more,
  };
  return `apiserver_request_total{${Object.entries(labels)
    .map(([key, value]) => `${key}="${value}"`)
    .join(",")}} ${count}`;
};

describe("write calls of an API server", () => {
  it("counts writes of what a stack declares", () => {
    const metrics = [
      "# TYPE apiserver_request_total counter",
      sample("PATCH", "configmaps", 3),
      sample("APPLY", "statefulsets", 2),
      sample("POST", "secrets", 1),
    ];
    assert.equal(writeCalls(metrics.join("\n")), 6);
  });

  it("leaves out reads, dry runs, subresources and what controllers write", () => {
    const metrics = [
      sample("GET", "configmaps", 9),
      sample("WATCH", "secrets", 9),
      sample("PATCH", "configmaps", 9, { dry_run: "All" }),
      sample("PUT", "resourcequotas", 9, { subresource: "status" }),
      sample("PUT", "leases", 9),
      'apiserver_request_terminations_total{verb="PUT",resource="secrets"} 9',
    ];
    assert.equal(writeCalls(metrics.join("\n")), 0);
  });
});
