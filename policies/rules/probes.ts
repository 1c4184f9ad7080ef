import { type ContainerRule, LONG_RUNNING } from "../rule";
import { at, Unknown } from "../value";

const PROBES = [
  { field: "readinessProbe", without: "it gets traffic before it can answer" },
  { field: "livenessProbe", without: "it is not restarted when it hangs" },
];
const HANDLERS = ["exec", "httpGet", "tcpSocket", "grpc"];

export const probes: ContainerRule = {
  name: "probes",
  description: "Every container that runs for as long as its workload has a readiness and a liveness probe.",
  severity: "medium",
  references: [{ framework: "Kubernetes documentation", control: "Liveness, Readiness, and Startup Probes" }],
  remediation:
    "Add a readinessProbe and a livenessProbe, each with exec, httpGet, tcpSocket or grpc. A startupProbe replaces neither.",
  scope: "container",
  roles: LONG_RUNNING,
  selects: (workload) => !workload.finite,
  *check({ spec }) {
    for (const { field, without } of PROBES) {
      const probe = at(spec, field);
      if (probe instanceof Unknown) {
        yield { unknown: probe };
      } else if (probe === undefined) {
        yield { breach: `${field} is missing, so ${without}; add one` };
      } else if (HANDLERS.every((handler) => at(probe, handler) === undefined)) {
        yield { breach: `${field} asks nothing; give it one of ${HANDLERS.join(", ")}` };
      }
    }
  },
};
