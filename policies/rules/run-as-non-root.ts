import { ALL, type ContainerRule } from "../rule";
import { at, show, Unknown } from "../value";

export const runAsNonRoot: ContainerRule = {
  name: "run-as-non-root",
  description: "No container may run as root.",
  severity: "high",
  references: [
    { framework: "Pod Security Standards", control: "Restricted: Running as Non-root, Running as Non-root user" },
    { framework: "CIS Kubernetes Benchmark", control: "5.2.7" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Non-root containers" },
  ],
  remediation:
    "Set securityContext.runAsNonRoot: true on the pod or the container, and a runAsUser other than 0 where the image names none.",
  scope: "container",
  roles: ALL,
  *check({ spec }, { podSpec }) {
    // The container's own setting wins over the pod's.
    const own = at(spec, "securityContext", "runAsNonRoot");
    const nonRoot = own ?? at(podSpec, "securityContext", "runAsNonRoot");
    if (nonRoot instanceof Unknown) {
      yield { unknown: nonRoot };
    } else if (nonRoot !== true) {
      const state = nonRoot === undefined ? "is set neither on the container nor on the pod" : `is ${show(nonRoot)}`;
      yield { breach: `securityContext.runAsNonRoot ${state}; set it to true` };
    }
    const user = at(spec, "securityContext", "runAsUser") ?? at(podSpec, "securityContext", "runAsUser");
    if (user instanceof Unknown) {
      yield { unknown: user };
    } else if (user === 0) {
      yield { breach: "securityContext.runAsUser is 0, which is root; name another user or none" };
    }
  },
};
