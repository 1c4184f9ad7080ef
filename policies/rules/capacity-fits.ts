import { AUTOSCALER, Autoscalers } from "../autoscaler";
import { ENVIRONMENT_SETTING, environmentOf, noEnvironment, NODE_RESERVE, RESOURCES } from "../ceilings";
import { add, type Amounts, amountOf, format, NOTHING, ofPod, podsOf, times } from "../demand";
import { NODE_GROUP_TYPES, nodeGroupOf, nodeType } from "../node-group";
import type { KubernetesObject } from "../object";
import type { Finding, StackRule } from "../rule";
import { at, elements, Unknown, type Value } from "../value";
import { toWorkload, type Workload, WORKLOAD_KINDS } from "../workload";

const NAME = "capacity-fits";

/** Equal nodes, less what each keeps for itself. */
interface Nodes {
  readonly count: number;
  readonly each: Amounts;
}

const less = (amount: bigint, reserve: bigint): bigint => (amount > reserve ? amount - reserve : 0n);

const nodes = (count: number, cpu: bigint, memory: bigint): Nodes => ({
  count,
  each: { cpu: less(cpu, NODE_RESERVE.cpu.value), memory: less(memory, NODE_RESERVE.memory.value) },
});

/** The groups of nodes that the stack makes; where it makes none, those that its environment is said to have. */
function capacityOf(objects: readonly KubernetesObject[], environment: string): readonly Nodes[] | Unknown | undefined {
  const made: Nodes[] = [];
  for (const object of objects) {
    const group = nodeGroupOf(object);
    if (group instanceof Unknown) return group;
    const type = group === undefined ? undefined : nodeType(group.type);
    // A type that is not known is for the rule on cost to name.
    if (group !== undefined && type !== undefined) {
      made.push(nodes(group.most, amountOf(type.cpu), amountOf(type.memory)));
    }
  }
  if (made.length > 0) return made;
  const known = environmentOf(environment)?.nodes;
  return known === undefined ? undefined : [nodes(known.count, known.cpu.value, known.memory.value)];
}

/** Whether no two pods of the workload may share a node. */
function needsOwnNodes(podSpec: Value | undefined): boolean {
  const terms = elements(at(podSpec, "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution"));
  return terms.some((term) => at(term, "topologyKey") === "kubernetes.io/hostname");
}

function* checkOne(workload: Workload, pod: Amounts, pods: number, groups: readonly Nodes[]): Generator<Finding> {
  const subject = workload;
  const fits = groups.some(({ each }) => RESOURCES.every((resource) => pod[resource] <= each[resource]));
  if (!fits && pods > 0) {
    const asked = RESOURCES.map((resource) => `${resource} ${format(resource, pod[resource])}`).join(" and ");
    const largest = groups
      .map(({ each }) => RESOURCES.map((resource) => `${resource} ${format(resource, each[resource])}`).join(" and "))
      .join("; ");
    yield {
      subject,
      breach: `one of its pods requests ${asked}, more than a node has free (${largest}); request less or choose larger nodes`,
    };
  }
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  if (workload.kind !== "DaemonSet" && pods > count && needsOwnNodes(workload.podSpec)) {
    yield {
      subject,
      breach: `its ${pods} replicas must not share a node, and there are ${count} nodes; lower replicas to ${count} or add nodes`,
    };
  }
}

export const capacityFits: StackRule = {
  name: NAME,
  description:
    "The nodes can hold what all pods of the stack request, each pod fits one of them, and replicas that must not share a node have enough.",
  severity: "high",
  references: [{ framework: "Kubernetes documentation", control: "Kubernetes Scheduler: requests" }],
  remediation:
    "Lower requests or replicas, or add nodes: in the stack's node groups, or for a cluster that is there already in environments.<name>.nodes of policies/limits.json.",
  config: ENVIRONMENT_SETTING,
  scope: "stack",
  kinds: [...WORKLOAD_KINDS, ...NODE_GROUP_TYPES, AUTOSCALER],
  *check(objects, { environment }) {
    const groups = capacityOf(objects, environment);
    if (groups === undefined) {
      yield { breach: noEnvironment(environment, "nodes are", NAME) };
      return;
    }
    if (groups instanceof Unknown) {
      yield { unknown: groups };
      return;
    }
    const count = groups.reduce((sum, group) => sum + group.count, 0);
    const autoscalers = new Autoscalers(objects);
    let wanted = NOTHING;
    for (const object of objects.filter(({ kind }) => WORKLOAD_KINDS.includes(kind))) {
      const workload = toWorkload(object);
      const [pod, pods] = [ofPod(workload, "requests"), podsOf(workload, autoscalers, count)];
      if (pod instanceof Unknown) yield { subject: workload, unknown: pod };
      else if (pods instanceof Unknown) yield { subject: workload, unknown: pods };
      else {
        yield* checkOne(workload, pod, pods, groups);
        wanted = add(wanted, times(pod, pods));
      }
    }
    const capacity = groups.reduce((sum, group) => add(sum, times(group.each, group.count)), NOTHING);
    for (const resource of RESOURCES) {
      if (wanted[resource] <= capacity[resource]) continue;
      yield {
        breach:
          `the stack's pods request ${resource} ${format(resource, wanted[resource])} at their most, and its ${count} nodes have ` +
          `${format(resource, capacity[resource])} free; lower requests or replicas, or add nodes`,
      };
    }
  },
};
