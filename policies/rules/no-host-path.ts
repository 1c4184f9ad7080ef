import type { WorkloadRule } from "../rule";
import { at, elements, show, Unknown } from "../value";

export const noHostPath: WorkloadRule = {
  name: "no-host-path",
  description: "No pod mounts a folder or file of its node.",
  severity: "critical",
  references: [
    { framework: "Pod Security Standards", control: "Baseline: HostPath Volumes" },
    { framework: "CIS Kubernetes Benchmark", control: "5.2.12" },
  ],
  remediation: "Use a volume claim, an emptyDir, a ConfigMap or a Secret. An agent of the node needs an exemption.",
  scope: "workload",
  *check({ podSpec }) {
    const volumes = at(podSpec, "volumes");
    if (volumes instanceof Unknown) yield { unknown: volumes };
    for (const volume of elements(volumes)) {
      const hostPath = at(volume, "hostPath");
      if (hostPath instanceof Unknown) yield { unknown: hostPath };
      else if (hostPath !== undefined) {
        yield {
          breach: `volume '${show(at(volume, "name"))}' is ${show(at(hostPath, "path"))} of its node; use a volume claim, an emptyDir, a ConfigMap or a Secret`,
        };
      }
    }
  },
};
