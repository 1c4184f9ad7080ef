import limits from "../limits.json";
import type { WorkloadRule } from "../rule";
import { at, show, Unknown } from "../value";

const { least, most } = limits.pods.graceSeconds;
/** What the API server sets where nothing is said. */
const DEFAULT = 30;

export const terminationGrace: WorkloadRule = {
  name: "termination-grace",
  description:
    "Every workload that runs on says how long its pods get to stop, and what runs before they stop fits into it.",
  severity: "low",
  references: [{ framework: "Kubernetes documentation", control: "Pod Lifecycle: Termination of Pods" }],
  remediation:
    "Set terminationGracePeriodSeconds to what a clean stop was measured to take, with a margin. With the enforcement level 'remediate' a " +
    "missing one is set to 30, which is what the API server would take.",
  scope: "workload",
  *check({ podSpec, containers, finite }) {
    if (finite) return;
    const grace = at(podSpec, "terminationGracePeriodSeconds");
    if (grace instanceof Unknown) {
      yield { unknown: grace };
      return;
    }
    if (typeof grace !== "number") {
      yield { breach: `terminationGracePeriodSeconds is ${grace === undefined ? "missing" : show(grace)}; set it` };
      return;
    }
    if (grace < least || grace > most) {
      yield {
        breach: `terminationGracePeriodSeconds is ${grace}; it must be from ${least} to ${most} (policies/limits.json)`,
      };
    }
    for (const { name, spec } of containers) {
      const pause = at(spec, "lifecycle", "preStop", "sleep", "seconds");
      if (pause instanceof Unknown) yield { unknown: pause, container: name };
      else if (typeof pause === "number" && pause >= grace) {
        yield {
          container: name,
          breach: `lifecycle.preStop sleeps ${pause} s, all of terminationGracePeriodSeconds (${grace}); sleep less or give more time`,
        };
      }
    }
  },
  remediate: (spec) => {
    if ((spec["terminationGracePeriodSeconds"] ?? undefined) !== undefined) return false;
    spec["terminationGracePeriodSeconds"] = DEFAULT;
    return true;
  },
};
