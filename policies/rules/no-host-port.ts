import { ALL, type ContainerRule } from "../rule";
import { at, elements, show, Unknown } from "../value";

export const noHostPort: ContainerRule = {
  name: "no-host-port",
  description: "No container listens on a port of its node.",
  severity: "high",
  references: [
    { framework: "Pod Security Standards", control: "Baseline: Host Ports" },
    { framework: "CIS Kubernetes Benchmark", control: "5.2.13" },
  ],
  remediation: "Remove hostPort, and reach the pod by a Service.",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const ports = at(spec, "ports");
    if (ports instanceof Unknown) yield { unknown: ports };
    for (const port of elements(ports)) {
      const host = at(port, "hostPort");
      if (host instanceof Unknown) yield { unknown: host };
      else if (host !== undefined && host !== 0) {
        yield {
          breach: `hostPort ${show(host)} takes that port on its node, past network policies of Services; remove it and use a Service`,
        };
      }
    }
  },
};
