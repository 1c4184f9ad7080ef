import limits from "../limits.json";
import { ALL, type ContainerRule } from "../rule";
import { at, show, Unknown } from "../value";

const { seccompProfiles } = limits.security;

export const seccomp: ContainerRule = {
  name: "seccomp",
  description:
    "Every container runs under a seccomp profile, so that it can make only the system calls that the profile allows.",
  severity: "medium",
  references: [
    { framework: "Pod Security Standards", control: "Restricted: Seccomp" },
    { framework: "Kubernetes documentation", control: "Restrict a Container's Syscalls with seccomp" },
  ],
  remediation:
    "Set securityContext.seccompProfile.type: RuntimeDefault on the pod or the container. With the enforcement level 'remediate' a container " +
    "without a profile of its own gets it.",
  scope: "container",
  roles: ALL,
  *check({ spec }, { podSpec }) {
    const profile =
      at(spec, "securityContext", "seccompProfile", "type") ?? at(podSpec, "securityContext", "seccompProfile", "type");
    if (profile instanceof Unknown) {
      yield { unknown: profile };
    } else if (typeof profile !== "string" || !seccompProfiles.includes(profile)) {
      const state = profile === undefined ? "is set neither on the container nor on the pod" : `is ${show(profile)}`;
      yield { breach: `securityContext.seccompProfile.type ${state}; set it to ${seccompProfiles.join(" or ")}` };
    }
  },
  remediate: (container) => {
    const context = (container["securityContext"] ?? undefined) as Record<string, unknown> | undefined;
    if ((context?.["seccompProfile"] ?? undefined) !== undefined) return false;
    const profile = { type: "RuntimeDefault" };
    if (context === undefined) container["securityContext"] = { seccompProfile: profile };
    else context["seccompProfile"] = profile;
    return true;
  },
};
