import { AUTOSCALER, Autoscalers } from "../autoscaler";
import limits from "../limits.json";
import type { Finding, StackRule } from "../rule";
import { at, elements, reasonIn, Unknown, unknownIn, type Value } from "../value";
import { toWorkload, type Workload } from "../workload";

const { least } = limits.replicas;
const { singleton: SINGLETON } = limits.annotations;
const REPLICATED = ["Deployment", "StatefulSet"];
/** Label of a node, and of the zone that it is in. */
const TOPOLOGIES = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];

const isSpread = (term: Value | undefined): boolean => TOPOLOGIES.includes(at(term, "topologyKey") as string);

function spreads(podSpec: Value | undefined): boolean {
  const anti = at(podSpec, "affinity", "podAntiAffinity");
  const required = elements(at(anti, "requiredDuringSchedulingIgnoredDuringExecution"));
  const preferred = elements(at(anti, "preferredDuringSchedulingIgnoredDuringExecution"));
  return (
    elements(at(podSpec, "topologySpreadConstraints")).some(isSpread) ||
    required.some(isSpread) ||
    preferred.some((term) => isSpread(at(term, "podAffinityTerm")))
  );
}

function* checkOne(workload: Workload, replicas: number): Generator<Finding> {
  const subject = workload;
  const reason = reasonIn(at(workload.fields, "metadata", "annotations"), SINGLETON);
  if (replicas < least) {
    if (reason instanceof Unknown) yield { subject, unknown: reason };
    else if (reason === undefined) {
      yield {
        subject,
        breach: `it has ${replicas} replica${replicas === 1 ? "" : "s"}, fewer than the ${least} of policies/limits.json; add some, or say in the annotation ${SINGLETON} why there can be only one`,
      };
    }
    return;
  }
  if (spreads(workload.podSpec)) return;
  const unknown =
    unknownIn(at(workload.podSpec, "topologySpreadConstraints")) ?? unknownIn(at(workload.podSpec, "affinity"));
  if (unknown !== undefined) yield { subject, unknown };
  else {
    yield {
      subject,
      breach: `nothing keeps its ${replicas} replicas from one node; add topologySpreadConstraints or podAntiAffinity over ${TOPOLOGIES.join(" or ")}`,
    };
  }
}

export const replicasAndSpread: StackRule = {
  name: "replicas-and-spread",
  description:
    "Every workload that runs on has two replicas or more, spread over nodes or zones, so that the loss of one node does not stop it.",
  severity: "high",
  references: [{ framework: "Kubernetes documentation", control: "Pod Topology Spread Constraints" }],
  remediation: `Raise replicas (or the autoscaler's minReplicas) and spread them; where there can be only one, say why in the annotation ${SINGLETON}.`,
  scope: "stack",
  kinds: [...REPLICATED, AUTOSCALER],
  *check(objects) {
    const autoscalers = new Autoscalers(objects);
    for (const object of objects.filter(({ kind }) => REPLICATED.includes(kind))) {
      const replicas = autoscalers.least(object);
      if (replicas instanceof Unknown) yield { subject: object, unknown: replicas };
      // Scaled to nothing on purpose.
      else if (replicas > 0) yield* checkOne(toWorkload(object), replicas);
    }
  },
};
