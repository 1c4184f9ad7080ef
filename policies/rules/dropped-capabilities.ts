import limits from "../limits.json";
import { ALL, type ContainerRule } from "../rule";
import { at, elements, unknownIn } from "../value";

const { addableCapabilities } = limits.security;

const bare = (capability: string): string => capability.replace(/^CAP_/, "");

export const droppedCapabilities: ContainerRule = {
  name: "dropped-capabilities",
  description:
    "Every container drops all Linux capabilities, and adds back none but those that policies/limits.json lists.",
  severity: "high",
  references: [
    { framework: "Pod Security Standards", control: "Restricted: Capabilities" },
    { framework: "CIS Kubernetes Benchmark", control: "5.2.8, 5.2.9, 5.2.10" },
  ],
  remediation: "Set securityContext.capabilities.drop: [ALL]; add only what security.addableCapabilities lists.",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const dropped = at(spec, "securityContext", "capabilities", "drop");
    const unknown = unknownIn(dropped);
    if (!elements(dropped).includes("ALL")) {
      yield unknown === undefined
        ? { breach: "securityContext.capabilities.drop does not hold ALL; write drop: [ALL]" }
        : { unknown };
    }
    const added = at(spec, "securityContext", "capabilities", "add");
    const hidden = unknownIn(added);
    if (hidden !== undefined) yield { unknown: hidden };
    for (const capability of elements(added)) {
      if (typeof capability !== "string" || addableCapabilities.includes(bare(capability))) continue;
      yield {
        breach: `securityContext.capabilities.add holds ${capability}; only ${addableCapabilities.join(", ")} may be added (policies/limits.json)`,
      };
    }
  },
};
