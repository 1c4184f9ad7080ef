import { AUTOSCALER, Autoscalers } from "../autoscaler";
import type { KubernetesObject } from "../object";
import type { Finding, StackRule } from "../rule";
import { SelectorIndex, selects } from "../selector";
import { at, isMap, show, Unknown } from "../value";
import { toWorkload, type Workload } from "../workload";

const REPLICATED = ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"];

function showLabels(labels: Workload["podLabels"]): string {
  return isMap(labels)
    ? Object.entries(labels)
        .map(([key, value]) => `${key}=${show(value)}`)
        .join(", ")
    : "none";
}

function* checkOne(workload: Workload, budgets: readonly KubernetesObject[], replicas: number): Generator<Finding> {
  const answers = budgets.map((budget) => {
    if (budget.namespace instanceof Unknown) return budget.namespace;
    if (workload.namespace instanceof Unknown) return workload.namespace;
    return (
      budget.namespace === workload.namespace && selects(at(budget.fields, "spec", "selector"), workload.podLabels)
    );
  });
  const matching = budgets.filter((_, index) => answers[index] === true);
  if (matching.length > 1) {
    const names = matching.map(({ name }) => `'${name}'`).join(" and ");
    yield {
      subject: workload,
      breach: `PodDisruptionBudgets ${names} both select its pods, and the API then refuses every eviction; keep one`,
    };
  }
  if (matching.length > 0) return;
  const unknown = answers.find((answer) => answer instanceof Unknown);
  if (unknown !== undefined) {
    yield { subject: workload, unknown };
  } else {
    yield {
      subject: workload,
      breach:
        `it has ${replicas} replicas, and no PodDisruptionBudget of the stack selects its pods (labels: ` +
        `${showLabels(workload.podLabels)}); add one, such as maxUnavailable: 1`,
    };
  }
}

export const disruptionBudget: StackRule = {
  name: "disruption-budget",
  description:
    "Every workload of two or more replicas has one PodDisruptionBudget, so that draining nodes cannot stop all of it.",
  severity: "medium",
  references: [
    { framework: "Kubernetes documentation", control: "Specifying a Disruption Budget for your Application" },
  ],
  remediation: "Add a PodDisruptionBudget in the workload's namespace whose selector matches the labels of its pods.",
  scope: "stack",
  kinds: [...REPLICATED, "PodDisruptionBudget", AUTOSCALER],
  *check(objects) {
    const budgets = new SelectorIndex(
      objects
        .filter(({ kind }) => kind === "PodDisruptionBudget")
        .map((budget) => ({ ...budget, selector: at(budget.fields, "spec", "selector") })),
    );
    const autoscalers = new Autoscalers(objects);
    for (const object of objects.filter(({ kind }) => REPLICATED.includes(kind))) {
      const workload = toWorkload(object);
      const replicas = autoscalers.least(workload);
      if (replicas instanceof Unknown) yield { subject: workload, unknown: replicas };
      else if (replicas > 1) {
        yield* checkOne(workload, budgets.candidates(workload.namespace, workload.podLabels), replicas);
      }
    }
  },
};
