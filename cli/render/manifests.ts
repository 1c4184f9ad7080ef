import { stringify } from "yaml";
import type { Declaration } from "../../local/engine/declare";
import { formatPath, type PropertyPath } from "../../local/engine/paths";
import type { ResourceState } from "../../local/engine/state/store";
import { isProviderType, nameOf as logicalName } from "../../local/engine/urn";
import {
  AssetOrArchive,
  isMap,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  Secret,
  Unknown,
} from "../../local/engine/values";

export interface Manifest {
  /** Files sort in the order in which they can be applied. */
  readonly file: string;
  readonly text: string;
}

export interface Omitted {
  readonly urn: string;
  readonly type: string;
  /** Of a Kubernetes object `namespace/name`, else its name in the program. */
  readonly name: string;
  readonly reason: string;
}

export interface Rendered {
  readonly manifests: readonly Manifest[];
  readonly omitted: readonly Omitted[];
}

/** What others stand on goes first; kinds that are not named here go last. */
const ORDER: readonly (readonly string[])[] = [
  ["Namespace", "CustomResourceDefinition"],
  ["StorageClass", "PriorityClass", "RuntimeClass", "IngressClass", "GatewayClass"],
  ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ResourceQuota", "LimitRange", "NetworkPolicy"],
  ["ServiceAccount", "ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding"],
  ["ConfigMap", "PersistentVolume", "PersistentVolumeClaim"],
  ["Service", "PodDisruptionBudget"],
  ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob"],
];
/** Reasons name no more places than these. */
const NAMED = 3;

/** The Kubernetes objects of a declaration as files for `kubectl apply`; what cannot be written, and what must not, is left out. */
export function manifestsOf({ resources }: Pick<Declaration, "resources">): Rendered {
  const manifests = new Map<string, Manifest>();
  const omitted: Omitted[] = [];
  for (const resource of resources) {
    const { urn, type, custom, inputs } = resource;
    if (!custom || isProviderType(type)) continue;
    const reason = reasonToOmit(resource);
    if (reason !== undefined) {
      omitted.push({ urn, type, name: nameOf(resource), reason });
      continue;
    }
    let file = fileOf(inputs);
    // Kinds of several groups may share their name.
    for (let turn = 2; manifests.has(file); turn++) file = fileOf(inputs, turn);
    manifests.set(file, { file, text: textOf(inputs) });
  }
  return { manifests: [...manifests.values()].sort((a, b) => (a.file < b.file ? -1 : 1)), omitted };
}

function reasonToOmit({ type, inputs, external }: ResourceState): string | undefined {
  if (external === true) return "the program only looks it up; something else makes it";
  if (!type.startsWith("kubernetes:")) return "it is no Kubernetes object";
  if (/^kubernetes:(helm\.sh|yaml|kustomize)\b/.test(type))
    return "its objects are made by a provider when the stack is deployed";
  if (type.endsWith("Patch") && inputs["kind"] !== type.split(":").at(-1))
    return "it changes an object that something else has made";
  if (inputs["kind"] === "Secret") return "it is a Secret, whose content belongs in no file";
  const secrets = placesOf(inputs, (value) => value instanceof Secret);
  if (secrets.length > 0) return `it holds a secret at ${named(secrets)}`;
  const unknowns = placesOf(inputs, (value) => value instanceof Unknown);
  if (unknowns.length > 0) return `only a deployment can tell ${named(unknowns)}`;
  const others = placesOf(inputs, (value) => value instanceof ResourceReference || value instanceof AssetOrArchive);
  return others.length > 0 ? `it has no plain value at ${named(others)}` : undefined;
}

function nameOf({ urn, inputs: { metadata } }: ResourceState): string {
  const { namespace, name } = metadata !== undefined && isMap(metadata) ? metadata : {};
  if (typeof name !== "string") return logicalName(urn);
  return typeof namespace === "string" ? `${namespace}/${name}` : name;
}

const named = (places: readonly string[]): string =>
  `${places.slice(0, NAMED).join(", ")}${places.length > NAMED ? ` and ${places.length - NAMED} more` : ""}`;

function placesOf(value: PropertyValue, test: (value: PropertyValue) => boolean, path: PropertyPath = []): string[] {
  if (test(value)) return [formatPath(path)];
  if (Array.isArray(value)) return value.flatMap((part, index) => placesOf(part, test, [...path, index]));
  if (!isMap(value)) return [];
  return Object.entries(value).flatMap(([key, part]) => placesOf(part, test, [...path, key]));
}

function fileOf({ kind, metadata }: PropertyMap, turn = 1): string {
  const { namespace, name } = metadata !== undefined && isMap(metadata) ? metadata : {};
  const rank = ORDER.findIndex((kinds) => kinds.includes(String(kind)));
  const parts = [kind, namespace, name, turn > 1 ? turn : undefined].filter((part) => part !== undefined);
  const words = parts.map((part) =>
    String(part)
      .toLowerCase()
      .replace(/[^a-z0-9.-]/g, "_"),
  );
  return `${(rank < 0 ? ORDER.length : rank) + 1}0-${words.join("-")}.yaml`;
}

/** As kubectl reads it, which still takes `yes` and `1:30` for what YAML 1.1 says they are. */
function textOf(inputs: PropertyMap): string {
  const { metadata, ...rest } = inputs;
  const kept = metadata !== undefined && isMap(metadata) ? withoutPulumi(metadata) : {};
  return stringify({ ...rest, metadata: kept }, { version: "1.1", sortMapEntries: true, lineWidth: 0 });
}

/** Without the annotations that tell Pulumi's provider how to go about it. */
function withoutPulumi({ annotations, ...metadata }: PropertyMap): PropertyMap {
  if (annotations === undefined || !isMap(annotations)) return metadata;
  const kept = Object.entries(annotations).filter(([key]) => !key.startsWith("pulumi.com/"));
  return kept.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(kept) };
}
