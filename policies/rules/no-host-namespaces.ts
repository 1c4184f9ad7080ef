import type { WorkloadRule } from "../rule";
import { at, Unknown } from "../value";

const NAMESPACES = [
  { field: "hostNetwork", gives: "reaches every port and packet of its node" },
  { field: "hostPID", gives: "sees and can signal every process of its node" },
  { field: "hostIPC", gives: "shares the memory segments and queues of its node" },
];

export const noHostNamespaces: WorkloadRule = {
  name: "no-host-namespaces",
  description: "No pod shares the network, process or IPC namespace of its node.",
  severity: "critical",
  references: [
    { framework: "Pod Security Standards", control: "Baseline: Host Namespaces" },
    { framework: "CIS Kubernetes Benchmark", control: "5.2.3, 5.2.4, 5.2.5" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Pod security enforcement" },
  ],
  remediation: "Remove hostNetwork, hostPID and hostIPC. Reach the pod by a Service instead of a host's port.",
  scope: "workload",
  *check({ podSpec }) {
    for (const { field, gives } of NAMESPACES) {
      const value = at(podSpec, field);
      if (value instanceof Unknown) yield { unknown: value };
      if (value === true) yield { breach: `${field} is true: a pod that has it ${gives}; remove it` };
    }
  },
};
