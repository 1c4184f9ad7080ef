import limits from "../limits.json";
import { ALL, type ContainerRule } from "../rule";
import { at, isList, show, Unknown } from "../value";

/** With either of these a process can make itself root on the node, whatever the other fields say. */
const { rootCapabilities } = limits.security;

export const noPrivilegeEscalation: ContainerRule = {
  name: "no-privilege-escalation",
  description: "No process in a container can gain more privileges than the one that started it.",
  severity: "critical",
  references: [
    {
      framework: "Pod Security Standards",
      control: "Restricted: Privilege Escalation; Baseline: Privileged Containers",
    },
    { framework: "CIS Kubernetes Benchmark", control: "5.2.2, 5.2.6, 5.2.9" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Pod security enforcement" },
  ],
  remediation:
    "Set securityContext.allowPrivilegeEscalation: false, and neither privileged nor the capabilities ALL and SYS_ADMIN. With the " +
    "enforcement level 'remediate' a missing allowPrivilegeEscalation is set to false.",
  scope: "container",
  roles: ALL,
  *check({ spec }) {
    const context = at(spec, "securityContext");
    const escalation = at(context, "allowPrivilegeEscalation");
    if (escalation instanceof Unknown) {
      yield { unknown: escalation };
    } else if (escalation !== false) {
      const state = escalation === undefined ? "is missing" : `is ${show(escalation)}`;
      yield { breach: `securityContext.allowPrivilegeEscalation ${state}; set it to false` };
    }
    const privileged = at(context, "privileged");
    if (privileged instanceof Unknown) yield { unknown: privileged };
    if (privileged === true) yield { breach: "securityContext.privileged is true; remove it" };

    const added = at(context, "capabilities", "add");
    if (added instanceof Unknown) yield { unknown: added };
    for (const capability of isList(added) ? added : []) {
      if (capability instanceof Unknown) yield { unknown: capability };
      if (typeof capability === "string" && rootCapabilities.includes(capability.replace(/^CAP_/, ""))) {
        yield {
          breach: `securityContext.capabilities.add holds ${capability}; add only the capability that is needed`,
        };
      }
    }
  },
  remediate: (container) => {
    const context = container["securityContext"] as Record<string, unknown> | null | undefined;
    if (context === undefined || context === null) {
      container["securityContext"] = { allowPrivilegeEscalation: false };
      return true;
    }
    const { allowPrivilegeEscalation, privileged } = context;
    // The API server refuses `false` on a privileged container, so that one is left to be reported; so is an explicit `true`.
    if ((allowPrivilegeEscalation ?? undefined) !== undefined || privileged === true) return false;
    context["allowPrivilegeEscalation"] = false;
    return true;
  },
};
