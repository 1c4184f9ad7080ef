import { at, isList, isMap, plain, show, Unknown, type Value, type ValueMap } from "./value";

/** A resource as the SDK gives it, less what no rule looks at. */
export interface Resource {
  readonly urn: string;
  readonly type: string;
  /** Logical name in the program. */
  readonly name: string;
  readonly props: object;
  readonly provider?: { readonly props: object };
}

/** What a container is for: `sidecar` is an init container that goes on running (`restartPolicy: Always`). */
export type Role = "main" | "init" | "sidecar" | "ephemeral";

export interface Container {
  /** From the spec; `#2` where it has none, counted from 0. */
  readonly name: string;
  readonly role: Role;
  readonly spec: ValueMap;
}

/** A Kubernetes object of the program. */
export interface KubernetesObject {
  readonly kind: string;
  readonly urn: string;
  readonly namespace: string | Unknown;
  /** `metadata.name`, or the logical name while that is not known. */
  readonly name: string;
  readonly logicalName: string;
  /** For messages: `StatefulSet data/postgres`. */
  readonly title: string;
  readonly fields: ValueMap;
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

/** `kubernetes:apps/v1:Deployment`, or the list of them. */
const OBJECT_TYPE = /^kubernetes:(?:(?<group>[^/:]+)\/)?[^/:]+:(?<kind>\w+?)(?<list>List)?$/;
/** The groups of the kinds that rules read: a custom resource that is also called `Job` is none of them. */
const GROUPS = new Set(["core", "apps", "batch", "extensions", "policy", "autoscaling"]);

/** The kind of the objects in a resource of this type, when the rules know it. */
export function kindOf(type: string): string | undefined {
  const parts = OBJECT_TYPE.exec(type)?.groups;
  return parts !== undefined && GROUPS.has(parts["group"] ?? "core") ? parts["kind"] : undefined;
}

/** The Kubernetes objects of a resource whose kind is among `kinds`: itself, or each item of a `…List`. */
export function objects(resource: Resource, kinds: readonly string[]): KubernetesObject[] {
  const kind = kindOf(resource.type);
  if (kind === undefined || !kinds.includes(kind)) return [];
  const fields = plain(resource.props);
  if (!resource.type.endsWith("List")) return [describe(resource, kind, fields)];
  const items = at(fields, "items");
  return isList(items) ? items.filter(isMap).map((item) => describe(resource, kind, item)) : [];
}

/** The workloads in a resource. */
export function workloads(resource: Resource): Workload[] {
  return objects(resource, WORKLOAD_KINDS).map(toWorkload);
}

function describe(resource: Resource, kind: string, fields: ValueMap): KubernetesObject {
  const defaultNamespace = resource.provider === undefined ? undefined : plain(resource.provider.props)["namespace"];
  const namespace = at(fields, "metadata", "namespace") ?? defaultNamespace ?? "default";
  const known = at(fields, "metadata", "name");
  const name = typeof known === "string" ? known : resource.name;
  const space = namespace instanceof Unknown ? "[unknown]" : show(namespace);
  return {
    kind,
    urn: resource.urn,
    namespace: namespace instanceof Unknown ? namespace : space,
    name,
    logicalName: resource.name,
    title: `${kind} ${space}/${name}`,
    fields,
  };
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
