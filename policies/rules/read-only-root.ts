import { ALL, type ContainerRule } from "../rule";
import { at, show, Unknown } from "../value";

export const readOnlyRoot: ContainerRule = {
  name: "read-only-root",
  description: "A container cannot change its own root file system.",
  severity: "medium",
  references: [{ framework: "NSA/CISA Kubernetes Hardening Guide", control: "Immutable container file systems" }],
  remediation: "Set securityContext.readOnlyRootFilesystem: true, and mount an emptyDir where the program must write.",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const readOnly = at(spec, "securityContext", "readOnlyRootFilesystem");
    if (readOnly instanceof Unknown) {
      yield { unknown: readOnly };
    } else if (readOnly !== true) {
      const state = readOnly === undefined ? "is missing" : `is ${show(readOnly)}`;
      yield {
        breach: `securityContext.readOnlyRootFilesystem ${state}; set it to true and mount an emptyDir where it writes`,
      };
    }
  },
};
