import { isMap, type PropertyMap } from "../../values";

/** What a type token says: `kubernetes:apps/v1:DeploymentPatch` is a patch of `apps/v1` `Deployment`. */
export interface TypeToken {
  readonly apiVersion: string;
  readonly kind: string;
  /** The resource only sets fields of an object that someone else made. */
  readonly patch: boolean;
  /** A `…List` type, which is no object of its own. */
  readonly list: boolean;
}

/** Kinds whose own name ends in "List" or "Patch" do not exist among the built-in ones; custom resources are told by their inputs. */
export function parseType(type: string, inputs: PropertyMap): TypeToken {
  const [, module = "", name = ""] = type.split(":");
  const fromToken = module.startsWith("core/") ? module.slice("core/".length) : module;
  const inputKind = typeof inputs["kind"] === "string" ? inputs["kind"] : undefined;
  const inputVersion = typeof inputs["apiVersion"] === "string" ? inputs["apiVersion"] : undefined;
  const patch = name.endsWith("Patch") && name !== inputKind;
  const kind = patch ? name.slice(0, -"Patch".length) : name;
  return {
    apiVersion: inputVersion ?? fromToken,
    kind: inputKind ?? kind,
    patch,
    list: kind.endsWith("List") && isMap(inputs) && "items" in inputs,
  };
}

export const groupOf = (apiVersion: string): string =>
  apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";

/** Every API group of Kubernetes itself, with its kinds that have no namespace. Other groups are asked for at the server. */
const clusterScoped: Readonly<Record<string, readonly string[]>> = {
  "": ["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
  "admissionregistration.k8s.io": [
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
  ],
  "apiextensions.k8s.io": ["CustomResourceDefinition"],
  "apiregistration.k8s.io": ["APIService"],
  apps: [],
  "authentication.k8s.io": ["TokenReview", "SelfSubjectReview"],
  "authorization.k8s.io": ["SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"],
  autoscaling: [],
  batch: [],
  "certificates.k8s.io": ["CertificateSigningRequest", "ClusterTrustBundle"],
  "coordination.k8s.io": [],
  "discovery.k8s.io": [],
  "events.k8s.io": [],
  extensions: [],
  "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
  "internal.apiserver.k8s.io": ["StorageVersion"],
  "networking.k8s.io": ["IngressClass", "IPAddress", "ServiceCIDR", "ClusterCIDR"],
  "node.k8s.io": ["RuntimeClass"],
  policy: ["PodSecurityPolicy"],
  "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding"],
  "resource.k8s.io": ["DeviceClass", "ResourceSlice", "DeviceTaintRule"],
  "scheduling.k8s.io": ["PriorityClass"],
  "storage.k8s.io": ["StorageClass", "CSIDriver", "CSINode", "VolumeAttachment", "VolumeAttributesClass"],
  "storagemigration.k8s.io": ["StorageVersionMigration"],
};

/** Whether objects of the kind live in a namespace; `undefined` when only the server can tell. */
export function builtinNamespaced(apiVersion: string, kind: string): boolean | undefined {
  const kinds = clusterScoped[groupOf(apiVersion)];
  return kinds === undefined ? undefined : !kinds.includes(kind);
}

/** Groups that a kind of the other moved to without becoming another object. */
const movedGroups: Readonly<Record<string, readonly string[]>> = {
  Deployment: ["apps", "extensions"],
  DaemonSet: ["apps", "extensions"],
  ReplicaSet: ["apps", "extensions"],
  Ingress: ["networking.k8s.io", "extensions"],
  NetworkPolicy: ["networking.k8s.io", "extensions"],
  PodSecurityPolicy: ["policy", "extensions"],
  Event: ["", "events.k8s.io"],
};

/** Whether an object written under one API version is the same one under another: then a changed version is an update. */
export function sameKind(kind: string, oldApiVersion: string, newApiVersion: string): boolean {
  const [oldGroup, newGroup] = [groupOf(oldApiVersion), groupOf(newApiVersion)];
  const moved = movedGroups[kind] ?? [];
  return oldGroup === newGroup || (moved.includes(oldGroup) && moved.includes(newGroup));
}
