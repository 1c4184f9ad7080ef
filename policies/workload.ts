import { type KubernetesObject, objects, type Resource } from "./object";
import { at, isList, isMap, Unknown, type Value, type ValueMap } from "./value";

/** What a container is for: `sidecar` is an init container that goes on running (`restartPolicy: Always`). */
export type Role = "main" | "init" | "sidecar" | "ephemeral";

export interface Container {
  /** From the spec; `#2` where it has none, counted from 0. */
  readonly name: string;
  readonly role: Role;
  readonly spec: ValueMap;
}

/** An object that makes pods, and the pods it makes. */
export interface Workload extends KubernetesObject {
  readonly podSpec: Value | undefined;
  readonly podLabels: Value | undefined;
  readonly containers: readonly Container[];
  /** Runs until it is done rather than for ever: Jobs, CronJobs, and pods that are not restarted. */
  readonly finite: boolean;
  /** Parts that hide containers from a preview: the pod's spec as a whole, a list of containers, or one of them. */
  readonly hidden: readonly Unknown[];
}

/** Where each kind keeps the template of its pods; for a Pod it is the object itself. */
const TEMPLATE_OF_KIND: Readonly<Record<string, readonly string[]>> = {
  Pod: [],
  PodTemplate: ["template"],
  Deployment: ["spec", "template"],
  StatefulSet: ["spec", "template"],
  DaemonSet: ["spec", "template"],
  ReplicaSet: ["spec", "template"],
  ReplicationController: ["spec", "template"],
  Job: ["spec", "template"],
  CronJob: ["spec", "jobTemplate", "spec", "template"],
};

/** Path of the pod template in an object of `kind`. */
export const templateOf = (kind: string): readonly string[] => TEMPLATE_OF_KIND[kind] ?? [];

export const WORKLOAD_KINDS: readonly string[] = Object.keys(TEMPLATE_OF_KIND);

/** The workloads in a resource. */
export function workloads(resource: Resource): Workload[] {
  return objects(resource, WORKLOAD_KINDS).map(toWorkload);
}

export function toWorkload(object: KubernetesObject): Workload {
  const template = at(object.fields, ...templateOf(object.kind));
  const podSpec = at(template, "spec");
  const hidden = new Set<Unknown>();
  const restartPolicy = at(podSpec, "restartPolicy");
  return {
    ...object,
    podSpec,
    podLabels: at(template, "metadata", "labels"),
    containers: ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
      containersOf(podSpec, list, hidden),
    ),
    finite:
      object.kind === "Job" || object.kind === "CronJob" || restartPolicy === "Never" || restartPolicy === "OnFailure",
    hidden: [...hidden],
  };
}

function containersOf(podSpec: Value | undefined, list: string, hidden: Set<Unknown>): Container[] {
  const specs = at(podSpec, list);
  if (specs instanceof Unknown) hidden.add(specs);
  if (!isList(specs)) return [];
  return specs.flatMap((spec, index) => {
    if (spec instanceof Unknown) hidden.add(spec);
    if (!isMap(spec)) return [];
    const name = at(spec, "name");
    return [{ name: typeof name === "string" ? name : `#${index}`, role: roleOf(list, spec), spec }];
  });
}

function roleOf(list: string, spec: ValueMap): Role {
  if (list === "ephemeralContainers") return "ephemeral";
  if (list === "containers") return "main";
  return at(spec, "restartPolicy") === "Always" ? "sidecar" : "init";
}
