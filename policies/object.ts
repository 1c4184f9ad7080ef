import { at, isList, isMap, plain, show, Unknown, type ValueMap } from "./value";

/** A resource as the SDK gives it, less what no rule looks at. */
export interface Resource {
  readonly urn: string;
  readonly type: string;
  /** Logical name in the program. */
  readonly name: string;
  readonly props: object;
  readonly opts?: { readonly protect?: boolean };
  readonly provider?: { readonly props: object };
}

/** A Kubernetes object of the program, or a resource of a cloud that a rule names by its type. */
export interface KubernetesObject {
  /** Of a cloud's resource the last part of its type, `NodeGroup`. */
  readonly kind: string;
  /** `apps/v1`, `v1`; `undefined` for what is no Kubernetes object. */
  readonly apiVersion: string | undefined;
  /** Pulumi's type. */
  readonly type: string;
  readonly urn: string;
  readonly namespace: string | Unknown;
  /** `metadata.name`, or the logical name while that is not known. */
  readonly name: string;
  readonly logicalName: string;
  /** Whether Pulumi refuses to delete it. */
  readonly protect: boolean;
  /** For messages: `StatefulSet data/postgres`. */
  readonly title: string;
  readonly fields: ValueMap;
}

/** Stands among a rule's kinds for every Kubernetes object. */
export const ANY_OBJECT = "*";

/** `kubernetes:apps/v1:Deployment`, or the list of them. */
const OBJECT_TYPE = /^kubernetes:(?:(?<group>[^/:]+)\/)?(?<version>[^/:]+):(?<kind>\w+?)(?<list>List)?$/;
/** The groups of the kinds that rules read: a custom resource that is also called `Job` is none of them. */
const GROUPS = new Set([
  "core",
  "apps",
  "batch",
  "extensions",
  "policy",
  "autoscaling",
  "rbac.authorization.k8s.io",
  "networking.k8s.io",
  "gateway.networking.k8s.io",
  "storage.k8s.io",
]);
/** Groups of Pulumi's own types, which stand for many objects or for none. */
const NO_OBJECTS = new Set(["helm.sh", "yaml", "kustomize"]);

interface Type {
  readonly kind: string;
  /** `core` for the group without a name. */
  readonly group: string;
  readonly version: string;
}

const parsed = new Map<string, Type | undefined>();

function parse(type: string): Type | undefined {
  if (parsed.has(type)) return parsed.get(type);
  const parts = OBJECT_TYPE.exec(type)?.groups;
  const kind = parts?.["kind"] ?? "";
  const isObject = parts !== undefined && !NO_OBJECTS.has(parts["group"] ?? "") && !kind.endsWith("Patch");
  const found = isObject ? { kind, group: parts["group"] ?? "core", version: parts["version"] ?? "" } : undefined;
  parsed.set(type, found);
  return found;
}

/** The kind of the objects in a resource of this type, when the rules know it. */
export function kindOf(type: string): string | undefined {
  const found = parse(type);
  return found !== undefined && GROUPS.has(found.group) ? found.kind : undefined;
}

/** Whether resources of `type` are among `kinds`: by kind, by the type itself, or by {@link ANY_OBJECT}. */
export function isAmong(kinds: readonly string[], type: string): boolean {
  const kind = kindOf(type);
  return (
    (kind !== undefined && kinds.includes(kind)) ||
    kinds.includes(type) ||
    (kinds.includes(ANY_OBJECT) && parse(type) !== undefined)
  );
}

/** The objects of a resource that is among `kinds`: itself, or each item of a `…List`. */
export function objects(resource: Resource, kinds: readonly string[]): KubernetesObject[] {
  if (!isAmong(kinds, resource.type)) return [];
  const fields = plain(resource.props);
  if (parse(resource.type) === undefined || !resource.type.endsWith("List")) return [describe(resource, fields)];
  const items = at(fields, "items");
  return isList(items) ? items.filter(isMap).map((item) => describe(resource, item)) : [];
}

function describe(resource: Resource, fields: ValueMap): KubernetesObject {
  const type = parse(resource.type);
  const common = {
    type: resource.type,
    urn: resource.urn,
    logicalName: resource.name,
    protect: resource.opts?.protect === true,
    fields,
  };
  if (type === undefined) {
    const kind = resource.type.split(":").at(-1) ?? "";
    const title = `${kind} ${resource.name}`;
    return { ...common, kind, apiVersion: undefined, namespace: "", name: resource.name, title };
  }
  const { kind, group, version } = type;
  const defaultNamespace = resource.provider === undefined ? undefined : plain(resource.provider.props)["namespace"];
  const namespace = at(fields, "metadata", "namespace") ?? defaultNamespace ?? "default";
  const known = at(fields, "metadata", "name");
  const name = typeof known === "string" ? known : resource.name;
  const space = namespace instanceof Unknown ? "[unknown]" : show(namespace);
  return {
    ...common,
    kind,
    apiVersion: group === "core" ? version : `${group}/${version}`,
    namespace: namespace instanceof Unknown ? namespace : space,
    name,
    title: CLUSTER_WIDE.has(kind) ? `${kind} ${name}` : `${kind} ${space}/${name}`,
  };
}

/** Kinds whose objects stand in no namespace, as far as rules name them. */
const CLUSTER_WIDE = new Set([
  "Namespace",
  "PersistentVolume",
  "StorageClass",
  "ClusterRole",
  "ClusterRoleBinding",
  "PriorityClass",
  "IngressClass",
  "GatewayClass",
  "CustomResourceDefinition",
]);
