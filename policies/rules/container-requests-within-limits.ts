import { RESOURCES } from "../ceilings";
import { parseQuantity } from "../quantity";
import { type ContainerRule, SIZED } from "../rule";
import { at, show, Unknown, type Value } from "../value";

const amountOf = (value: Value | undefined): bigint | undefined =>
  typeof value === "string" || typeof value === "number" ? parseQuantity(value) : undefined;

export const containerRequestsWithinLimits: ContainerRule = {
  name: "container-requests-within-limits",
  description:
    "No container requests more than its limit: the API server refuses it, and only once the update is under way.",
  severity: "medium",
  references: [{ framework: "Kubernetes documentation", control: "Resource Management for Pods and Containers" }],
  remediation: "Lower the request or raise the limit.",
  scope: "container",
  roles: SIZED,
  *check({ spec }) {
    for (const resource of RESOURCES) {
      const request = at(spec, "resources", "requests", resource);
      const limit = at(spec, "resources", "limits", resource);
      for (const value of [request, limit]) {
        if (value instanceof Unknown) yield { unknown: value };
      }
      const [requested, limited] = [amountOf(request), amountOf(limit)];
      if (requested === undefined || limited === undefined || requested <= limited) continue;
      yield {
        breach: `${resource} request ${show(request)} is above its limit ${show(limit)}; lower the request or raise the limit`,
      };
    }
  },
};
