import { AUTOSCALER } from "../autoscaler";
import type { KubernetesObject } from "../object";
import type { Finding, StackRule } from "../rule";
import { SIZED } from "../rule";
import { at, elements, show, Unknown, unknownIn } from "../value";
import { toWorkload } from "../workload";

const SCALABLE = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];

/** The resources whose use is compared with what is requested. */
function comparedWithRequests({ fields }: KubernetesObject): readonly string[] | Unknown {
  const metrics = at(fields, "spec", "metrics");
  const unknown = unknownIn(metrics);
  if (unknown !== undefined) return unknown;
  const names = elements(metrics)
    .map((metric) => at(metric, "resource") ?? at(metric, "containerResource"))
    .filter((source) => at(source, "target", "type") === "Utilization")
    .map((source) => show(at(source, "name")));
  // Version 1 has no list, and compares CPU.
  return at(fields, "spec", "targetCPUUtilizationPercentage") === undefined ? names : [...names, "cpu"];
}

function* checkTarget(scaler: KubernetesObject, target: KubernetesObject): Generator<Finding> {
  const names = comparedWithRequests(scaler);
  if (names instanceof Unknown) {
    yield { subject: scaler, unknown: names };
    return;
  }
  const { containers, hidden } = toWorkload(target);
  for (const unknown of hidden) yield { subject: scaler, unknown };
  for (const { name: container, role, spec } of containers) {
    if (!SIZED.includes(role) || role === "init") continue;
    for (const name of names) {
      const request = at(spec, "resources", "requests", name);
      if (request instanceof Unknown) yield { subject: scaler, unknown: request };
      else if (request === undefined) {
        yield {
          subject: scaler,
          breach: `it compares ${name} with what is requested, and container '${container}' of ${target.title} requests none; set resources.requests.${name}`,
        };
      }
    }
  }
}

export const autoscalerTarget: StackRule = {
  name: "autoscaler-target",
  description: "What a HorizontalPodAutoscaler scales is in the stack, and requests the resources that are measured.",
  severity: "medium",
  references: [{ framework: "Kubernetes documentation", control: "Horizontal Pod Autoscaling" }],
  remediation: "Correct spec.scaleTargetRef, and set the requests of each container of the target.",
  scope: "stack",
  kinds: [...SCALABLE, AUTOSCALER],
  *check(objects) {
    const targets = new Map<string, KubernetesObject>();
    const unplaced: Unknown[] = [];
    for (const object of objects.filter(({ kind }) => SCALABLE.includes(kind))) {
      if (object.namespace instanceof Unknown) unplaced.push(object.namespace);
      else targets.set(`${object.kind} ${object.namespace}/${object.name}`, object);
    }
    for (const scaler of objects.filter(({ kind }) => kind === AUTOSCALER)) {
      const reference = at(scaler.fields, "spec", "scaleTargetRef");
      const unknown = unknownIn(reference) ?? (scaler.namespace instanceof Unknown ? scaler.namespace : undefined);
      if (unknown !== undefined) {
        yield { subject: scaler, unknown };
        continue;
      }
      const kind = show(at(reference, "kind"));
      // Other kinds scale by a custom resource, which says nothing of requests.
      if (!SCALABLE.includes(kind)) continue;
      const title = `${kind} ${show(scaler.namespace)}/${show(at(reference, "name"))}`;
      const target = targets.get(title);
      const [hidden] = unplaced;
      if (target !== undefined) yield* checkTarget(scaler, target);
      else if (hidden !== undefined) yield { subject: scaler, unknown: hidden };
      else
        yield {
          subject: scaler,
          breach: `it scales ${title}, which the stack does not have; correct spec.scaleTargetRef`,
        };
    }
  },
};
