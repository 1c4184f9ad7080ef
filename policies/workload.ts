import { at, isList, isMap, plain, Unknown, type Value, type ValueMap } from "./value";

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
  readonly podSpec: ValueMap;
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

/** `kubernetes:apps/v1:Deployment`: the API group decides, so that a custom resource named `Job` is not taken for one. */
const OBJECT_TYPE = /^kubernetes:(?:(?<group>[^/:]+)\/)?[^/:]+:(?<kind>\w+)$/;
const WORKLOAD_GROUPS = new Set(["core", "apps", "batch", "extensions"]);

function kindOf(type: string, groups?: ReadonlySet<string>): string | undefined {
  const parts = OBJECT_TYPE.exec(type)?.groups;
  if (parts?.kind === undefined) return undefined;
  return groups === undefined || groups.has(parts.group ?? "core") ? parts.kind : undefined;
}

/** Whether {@link workloads} can find anything in a resource of this type, before its properties are read. */
export function isWorkloadType(type: string): boolean {
  const kind = kindOf(type, WORKLOAD_GROUPS);
  return kind !== undefined && kind.replace(/List$/, "") in TEMPLATE_OF_KIND;
}

/** The Kubernetes objects in a resource: itself, or each item of a `…List`. None for other providers' resources. */
export function objects(resource: Resource): KubernetesObject[] {
  const kind = kindOf(resource.type);
  if (kind === undefined) return [];
  const fields = plain(resource.props);
  if (!kind.endsWith("List")) return [describe(resource, kind, fields)];
  const items = at(fields, "items");
  return isList(items) ? items.filter(isMap).map((item) => describe(resource, kind.slice(0, -"List".length), item)) : [];
}

/** The workloads in a resource. */
export function workloads(resource: Resource): Workload[] {
  if (!isWorkloadType(resource.type)) return [];
  return objects(resource).map(toWorkload);
}

function describe(resource: Resource, kind: string, fields: ValueMap): KubernetesObject {
  const defaultNamespace = resource.provider === undefined ? undefined : plain(resource.provider.props)["namespace"];
  const namespace = at(fields, "metadata", "namespace") ?? defaultNamespace ?? "default";
  const known = at(fields, "metadata", "name");
  const name = typeof known === "string" ? known : resource.name;
  const space = typeof namespace === "string" ? namespace : "?";
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
  const template = at(object.fields, ...(TEMPLATE_OF_KIND[object.kind] ?? []));
  const spec = at(template, "spec");
  const podSpec = isMap(spec) ? spec : {};
  const hidden: Unknown[] = spec instanceof Unknown ? [spec] : [];
  const restartPolicy = at(podSpec, "restartPolicy");
  return {
    ...object,
    podSpec,
    podLabels: at(template, "metadata", "labels"),
    containers: [
      ...containersOf(podSpec, "initContainers", hidden),
      ...containersOf(podSpec, "containers", hidden),
      ...containersOf(podSpec, "ephemeralContainers", hidden),
    ],
    finite:
      object.kind === "Job" || object.kind === "CronJob" || restartPolicy === "Never" || restartPolicy === "OnFailure",
    hidden,
  };
}

function containersOf(podSpec: ValueMap, list: string, hidden: Unknown[]): Container[] {
  const specs = at(podSpec, list);
  if (specs instanceof Unknown) hidden.push(specs);
  if (!isList(specs)) return [];
  return specs.flatMap((spec, index) => {
    if (spec instanceof Unknown) hidden.push(spec);
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
