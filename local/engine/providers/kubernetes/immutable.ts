import { isMap, type PropertyMap } from "../../values";
import type { ApiError } from "./connection/errors";
import type { DiffKind } from "../../provider";
import { groupOf, sameKind } from "./kinds";
import { isAutonamed } from "./naming";

/** Changed paths in Pulumi's notation, each with how. */
export type Changes = Readonly<Record<string, "add" | "delete" | "update">>;

/** Whether a path is `prefix` itself or inside it. */
const within = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`);

/** The changes with those that force a replacement marked so. */
export function detail(changes: Changes, replaceKeys: readonly string[]): Record<string, DiffKind> {
  return Object.fromEntries(
    Object.entries(changes).map(([path, kind]): [string, DiffKind] => [
      path,
      replaceKeys.includes(path) ? `${kind}-replace` : kind,
    ]),
  );
}

/** Fields that the API server never changes, by kind; a changed path inside one of them means a replacement. */
const fixed: Readonly<Record<string, readonly string[]>> = {
  "apps/Deployment": ["spec.selector"],
  "apps/DaemonSet": ["spec.selector"],
  "apps/ReplicaSet": ["spec.selector"],
  "apps/StatefulSet": ["spec.selector", "spec.serviceName", "spec.podManagementPolicy", "spec.volumeClaimTemplates"],
  "batch/Job": [
    "spec.selector",
    "spec.template",
    "spec.completionMode",
    "spec.podFailurePolicy",
    "spec.successPolicy",
    "spec.backoffLimitPerIndex",
    "spec.managedBy",
  ],
  "/Secret": ["type"],
  "/PersistentVolumeClaim": [
    "spec.accessModes",
    "spec.selector",
    "spec.storageClassName",
    "spec.volumeName",
    "spec.volumeMode",
    "spec.dataSource",
    "spec.dataSourceRef",
  ],
  "/ReplicationController": ["spec.selector"],
  "storage.k8s.io/StorageClass": ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"],
  "storage.k8s.io/CSIDriver": ["spec.attachRequired", "spec.volumeLifecycleModes"],
  "storage.k8s.io/VolumeAttributesClass": ["driverName", "parameters"],
  "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
  "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
  "scheduling.k8s.io/PriorityClass": ["value", "preemptionPolicy"],
  "node.k8s.io/RuntimeClass": ["handler"],
  "networking.k8s.io/IngressClass": ["spec.controller"],
  "discovery.k8s.io/EndpointSlice": ["addressType"],
  "apiextensions.k8s.io/CustomResourceDefinition": ["spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"],
  "certificates.k8s.io/CertificateSigningRequest": ["spec"],
};
/** What may be changed of a running pod; all else of its spec is fixed. */
const podMayChange =
  /^spec\.((initC|c)ontainers\[\d+\]\.image$|activeDeadlineSeconds$|terminationGracePeriodSeconds$|tolerations\b)/;

export interface Comparison {
  readonly apiVersion: string;
  readonly kind: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly changes: Changes;
  readonly configMapMutable: boolean;
  readonly secretMutable: boolean;
}

/** The changed paths that only a replacement can bring about, as far as that is known without the server. */
export function replacePaths(comparison: Comparison): string[] {
  const { apiVersion, kind, changes, oldInputs, newInputs } = comparison;
  const prefixes = ["metadata.name", "metadata.namespace", "kind", ...(fixed[`${groupOf(apiVersion)}/${kind}`] ?? [])];
  if (contentIsFixed(comparison)) prefixes.push("data", "binaryData", "stringData", "immutable");
  const paths = Object.keys(changes).filter((path) =>
    prefixes.some((prefix) => within(path, prefix) || within(prefix, path)),
  );
  const oldVersion = oldInputs["apiVersion"];
  if (typeof oldVersion === "string" && !sameKind(kind, oldVersion, apiVersion)) paths.push("apiVersion");
  if (apiVersion === "v1" && kind === "Pod") {
    paths.push(...Object.keys(changes).filter((path) => within(path, "spec") && !podMayChange.test(path)));
  }
  if (apiVersion === "v1" && kind === "Service") paths.push(...servicePaths(comparison));
  // The API server fills an absent name space in, so absent and "default" are one; `check` has already done so to the new inputs.
  const [oldSpace, newSpace] = [namespaceIn(oldInputs), namespaceIn(newInputs)];
  return [...new Set(paths)].filter((path) => path !== "metadata.namespace" || oldSpace !== newSpace);
}

const namespaceIn = (inputs: PropertyMap): unknown =>
  isMap(inputs["metadata"]) ? (inputs["metadata"]["namespace"] ?? "default") : "default";

/**
 * ConfigMaps and Secrets with `immutable: true` cannot change. With an automatic name they are replaced as well, as Pulumi does, so that the
 * pods that use them are rolled out anew; with a given name they are changed in place.
 */
function contentIsFixed({
  apiVersion,
  kind,
  oldInputs,
  newInputs,
  configMapMutable,
  secretMutable,
}: Comparison): boolean {
  if (apiVersion !== "v1" || (kind !== "ConfigMap" && kind !== "Secret")) return false;
  if (oldInputs["immutable"] === true) return true;
  return isAutonamed(newInputs) && !(kind === "ConfigMap" ? configMapMutable : secretMutable);
}

function servicePaths({ changes, oldInputs, oldOutputs, newInputs }: Comparison): string[] {
  const [oldSpec, newSpec, live] = [oldInputs, newInputs, oldOutputs].map((map) =>
    isMap(map["spec"]) ? map["spec"] : {},
  );
  const paths: string[] = [];
  const external = (spec: PropertyMap | undefined): boolean => spec?.["type"] === "ExternalName";
  if (external(oldSpec) !== external(newSpec)) paths.push("spec.type");
  const address = newSpec?.["clusterIP"];
  if (
    address !== undefined &&
    address !== live?.["clusterIP"] &&
    "spec.clusterIP" in changes &&
    !paths.includes("spec.type")
  )
    paths.push("spec.clusterIP");
  return paths.map((path) => (path in changes ? path : "spec"));
}

const refusal =
  /immutable|may not be (changed|updated|modified)|may not change|cannot be (changed|updated|modified)|updates? to .* (is|are) forbidden|Forbidden: updates to/i;

/** The changed paths that the API server's refusal (422) of a dry run names as fixed; empty when it refuses for another reason. */
export function pathsRefused(error: ApiError, changes: Changes): string[] {
  if (error.code !== 422) return [];
  const paths = Object.keys(changes);
  const refused = error.causes
    .filter((cause) => refusal.test(cause.message))
    .flatMap((cause) => {
      const field = cause.field.replace(/^<nil>$|^\.|\[.*$/g, "");
      const hits = paths.filter((path) => field === "" || within(path, field) || within(field, path));
      return hits.length > 0 ? hits : paths;
    });
  return [...new Set(refused)];
}
