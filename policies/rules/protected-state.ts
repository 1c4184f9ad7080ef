import { CLAIMING_KINDS, claimsOf } from "../claim";
import type { KubernetesObject } from "../object";
import type { Finding, ObjectRule } from "../rule";
import storage from "../storage.json";
import { at, show, Unknown } from "../value";

const TYPES = Object.entries(storage.resources).flatMap(([type, { protect }]) => (protect ? [type] : []));
const RETENTION = "persistentVolumeClaimRetentionPolicy";

function* retention({ kind, fields }: KubernetesObject): Generator<Finding> {
  const fieldsOfKind: Readonly<Record<string, readonly (readonly string[])[]>> = {
    StatefulSet: [
      ["spec", RETENTION, "whenDeleted"],
      ["spec", RETENTION, "whenScaled"],
    ],
    PersistentVolume: [["spec", "persistentVolumeReclaimPolicy"]],
  };
  for (const path of fieldsOfKind[kind] ?? []) {
    const value = at(fields, ...path);
    // A StatefulSet keeps its claims, and a volume made by hand itself, where nothing is said.
    if (value instanceof Unknown) yield { unknown: value };
    else if (value !== undefined && value !== "Retain") {
      yield { breach: `${path.join(".")} is ${show(value)}, which deletes data; set it to Retain` };
    }
  }
}

export const protectedState: ObjectRule = {
  name: "protected-state",
  description: "What holds data cannot be deleted by mistake: Pulumi protects it, and Kubernetes keeps its volumes.",
  severity: "high",
  references: [
    { framework: "Pulumi documentation", control: "Resource options: protect" },
    { framework: "Kubernetes documentation", control: "StatefulSets: PersistentVolumeClaim retention" },
  ],
  remediation:
    "Give the resource the option protect: true, and set its retention or reclaim policy to Retain. To delete it, unprotect it first (`pulumi state unprotect`).",
  scope: "object",
  kinds: [...CLAIMING_KINDS, "PersistentVolume", ...TYPES],
  *check(object) {
    if (object.kind === "StatefulSet" && claimsOf(object).length === 0) return;
    if (!object.protect) yield { breach: "it holds data and Pulumi does not protect it; add the option protect: true" };
    yield* retention(object);
  },
};
