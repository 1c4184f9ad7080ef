import { RESOURCES } from "../ceilings";
import { parseQuantity, UNIT } from "../quantity";
import { type ContainerRule, SIZED } from "../rule";
import { at, show, Unknown } from "../value";

/** Less memory than this is a slip of the unit: `512m` is half a byte. */
const LEAST_MEMORY = 1024n * 1024n * UNIT;

export const containerResourcesSet: ContainerRule = {
  name: "container-resources-set",
  description: "Every container, init containers too, has requests and limits for CPU and memory.",
  severity: "high",
  references: [
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Resource policies" },
    { framework: "Kubernetes documentation", control: "Resource Management for Pods and Containers" },
  ],
  remediation:
    "Set resources.requests and resources.limits, each with cpu and memory, to what the container was measured to need.",
  scope: "container",
  roles: SIZED,
  *check({ spec }) {
    for (const kind of ["requests", "limits"]) {
      for (const resource of RESOURCES) {
        const value = at(spec, "resources", kind, resource);
        const field = `resources.${kind}.${resource}`;
        if (value instanceof Unknown) {
          yield { unknown: value };
        } else if (value === undefined) {
          yield { breach: `${field} is missing; set it` };
        } else {
          const amount = typeof value === "string" || typeof value === "number" ? parseQuantity(value) : undefined;
          if (amount === undefined || amount <= 0n) {
            yield {
              breach: `${field} is '${show(value)}', not a positive quantity; write one such as '250m' or '512Mi'`,
            };
          } else if (resource === "memory" && amount < LEAST_MEMORY) {
            yield { breach: `${field} is '${show(value)}', which is less than 1Mi; give its unit, such as '512Mi'` };
          }
        }
      }
    }
  },
};
