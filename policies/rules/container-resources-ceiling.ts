import { type Ceilings, ceilingsOf, ENVIRONMENTS, RESOURCES } from "../ceilings";
import { parseQuantity } from "../quantity";
import { type Context, type ContainerRule, SIZED } from "../rule";
import { at, show, Unknown } from "../value";

function environmentOf({ config, stack }: Context): { environment: string; ceilings: Ceilings | undefined } {
  const configured = config["environment"];
  const environment = typeof configured === "string" ? configured : stack;
  return { environment, ceilings: ceilingsOf(environment) };
}

export const containerResourcesCeiling: ContainerRule = {
  name: "container-resources-ceiling",
  description: "No container requests, or is limited to, more CPU or memory than the environment's ceiling.",
  severity: "medium",
  references: [
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Resource policies" },
    { framework: "Kubernetes documentation", control: "Limit Ranges" },
  ],
  remediation:
    "Lower the request and the limit, or raise the environment's ceiling in policies/limits.json after checking that its nodes can hold it.",
  config: {
    environment: {
      type: "string",
      enum: [...ENVIRONMENTS],
      description: "Environment whose ceilings count. Default: the stack's name.",
    },
  },
  scope: "container",
  roles: SIZED,
  *check({ spec }, _workload, context) {
    const { environment, ceilings } = environmentOf(context);
    if (ceilings === undefined) {
      yield {
        breach:
          `'${environment}' is no environment of policies/limits.json (${ENVIRONMENTS.join(", ")}), so its ceilings are not known; ` +
          "set 'environment' in the configuration of policy 'container-resources-ceiling'",
      };
      return;
    }
    for (const resource of RESOURCES) {
      const ceiling = ceilings[resource];
      for (const kind of ["requests", "limits"]) {
        const value = at(spec, "resources", kind, resource);
        if (value instanceof Unknown) yield { unknown: value };
        const amount = typeof value === "string" || typeof value === "number" ? parseQuantity(value) : undefined;
        if (amount === undefined || amount <= ceiling.value) continue;
        const name = `${resource} ${kind.slice(0, -1)}`;
        yield {
          breach:
            `${name} ${show(value)} is above the ceiling ${ceiling.text} of environment '${environment}' (policies/limits.json); ` +
            "lower it or raise the ceiling",
        };
      }
    }
  },
};
