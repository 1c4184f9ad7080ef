import { ceilingsOf, ENVIRONMENT_SETTING, noEnvironment, RESOURCES } from "../ceilings";
import { parseQuantity } from "../quantity";
import { type ContainerRule, SIZED } from "../rule";
import { at, show, Unknown } from "../value";

const NAME = "container-resources-ceiling";

export const containerResourcesCeiling: ContainerRule = {
  name: NAME,
  description: "No container requests, or is limited to, more CPU or memory than the environment's ceiling.",
  severity: "medium",
  references: [
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Resource policies" },
    { framework: "Kubernetes documentation", control: "Limit Ranges" },
  ],
  remediation:
    "Lower the request and the limit, or raise the environment's ceiling in policies/limits.json after checking that its nodes can hold it.",
  config: ENVIRONMENT_SETTING,
  scope: "container",
  roles: SIZED,
  *check({ spec }, _workload, { environment }) {
    const ceilings = ceilingsOf(environment);
    if (ceilings === undefined) {
      yield { breach: noEnvironment(environment, "ceilings are", NAME) };
      return;
    }
    for (const resource of RESOURCES) {
      const ceiling = ceilings[resource];
      for (const kind of ["requests", "limits"]) {
        const value = at(spec, "resources", kind, resource);
        if (value instanceof Unknown) yield { unknown: value };
        const amount = typeof value === "string" || typeof value === "number" ? parseQuantity(value) : undefined;
        if (amount === undefined || amount <= ceiling.value) continue;
        const field = `${resource} ${kind.slice(0, -1)}`;
        yield {
          breach:
            `${field} ${show(value)} is above the ceiling ${ceiling.text} of environment '${environment}' (policies/limits.json); ` +
            "lower it or raise the ceiling",
        };
      }
    }
  },
};
