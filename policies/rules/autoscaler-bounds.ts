import { AUTOSCALER } from "../autoscaler";
import limits from "../limits.json";
import type { ObjectRule } from "../rule";
import { at, show, Unknown } from "../value";

const least = limits.autoscaling.scaleDownWindowSeconds;
/** What the API server takes where nothing is said. */
const DEFAULT_WINDOW = 300;
const WINDOW = "spec.behavior.scaleDown.stabilizationWindowSeconds";

export const autoscalerBounds: ObjectRule = {
  name: "autoscaler-bounds",
  description: "Every HorizontalPodAutoscaler has room between its bounds, and waits before it scales down.",
  severity: "medium",
  references: [{ framework: "Kubernetes documentation", control: "Horizontal Pod Autoscaling" }],
  remediation: `Set minReplicas below maxReplicas, and ${WINDOW} to ${least} or more. With the enforcement level 'remediate' a missing window is set to ${DEFAULT_WINDOW}, which is what the API server would take.`,
  scope: "object",
  kinds: [AUTOSCALER],
  *check({ fields }) {
    const [lower, upper] = [at(fields, "spec", "minReplicas") ?? 1, at(fields, "spec", "maxReplicas")];
    for (const bound of [lower, upper]) if (bound instanceof Unknown) yield { unknown: bound };
    if (upper === undefined) yield { breach: "spec.maxReplicas is missing; set it" };
    else if (typeof lower === "number" && typeof upper === "number" && lower >= upper) {
      yield {
        breach: `spec.minReplicas is ${lower} and spec.maxReplicas ${upper}, so it can scale nothing; raise the one or lower the other`,
      };
    }
    const window = at(fields, ...WINDOW.split("."));
    if (window instanceof Unknown) yield { unknown: window };
    else if (typeof window !== "number") {
      yield { breach: `${WINDOW} is ${window === undefined ? "missing" : show(window)}; set it to ${least} or more` };
    } else if (window < least) {
      yield {
        breach: `${WINDOW} is ${window}, so a short lull ends pods; set it to ${least} or more (policies/limits.json)`,
      };
    }
  },
  remediate: (object) => {
    const spec = object["spec"] as Record<string, unknown> | null | undefined;
    if (typeof spec !== "object" || spec === null) return false;
    const behavior = (spec["behavior"] ?? undefined) as Record<string, unknown> | undefined;
    const down = (behavior?.["scaleDown"] ?? undefined) as Record<string, unknown> | undefined;
    if ((down?.["stabilizationWindowSeconds"] ?? undefined) !== undefined) return false;
    if (behavior === undefined) spec["behavior"] = { scaleDown: { stabilizationWindowSeconds: DEFAULT_WINDOW } };
    else if (down === undefined) behavior["scaleDown"] = { stabilizationWindowSeconds: DEFAULT_WINDOW };
    else down["stabilizationWindowSeconds"] = DEFAULT_WINDOW;
    return true;
  },
};
