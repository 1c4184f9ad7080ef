import { CLAIMING_KINDS, claimPrefix, claimsOf } from "../claim";
import limits from "../limits.json";
import type { KubernetesObject } from "../object";
import type { Finding, ObjectRule } from "../rule";
import storage from "../storage.json";
import { at, reasonIn, show, Unknown } from "../value";

const { encryption: REASON } = limits.annotations;

type Provisioner = { readonly parameter: string; readonly value: string } | { readonly always: string };
const PROVISIONERS: Readonly<Record<string, Provisioner>> = storage.provisioners;
const FIELDS: ReadonlyMap<string, string> = new Map(
  Object.entries(storage.resources).flatMap(([type, known]) => ("encrypted" in known ? [[type, known.encrypted]] : [])),
);

function* storageClass({ fields }: KubernetesObject): Generator<Finding> {
  const reason = reasonIn(at(fields, "metadata", "annotations"), REASON);
  const name = at(fields, "provisioner");
  for (const unknown of [reason, name]) if (unknown instanceof Unknown) yield { unknown };
  if (typeof name !== "string" || reason !== undefined) return;
  const known = PROVISIONERS[name];
  if (known === undefined) {
    yield {
      breach: `whether provisioner '${name}' encrypts is not known; say in the annotation ${REASON} how its volumes are encrypted`,
    };
  } else if ("parameter" in known) {
    const value = at(fields, "parameters", known.parameter);
    if (value instanceof Unknown) yield { unknown: value };
    else if (String(value) !== known.value) {
      const state = value === undefined ? "missing" : `'${show(value)}'`;
      yield {
        breach: `parameters.${known.parameter} is ${state}; set it to '${known.value}', or its volumes are kept in clear`,
      };
    }
  }
}

function* claims(object: KubernetesObject): Generator<Finding> {
  for (const claim of claimsOf(object)) {
    if (claim instanceof Unknown) {
      yield { unknown: claim };
      continue;
    }
    const [name, volume] = [at(claim.spec, "storageClassName"), at(claim.spec, "volumeName")];
    if (name instanceof Unknown) yield { unknown: name };
    else if (name === undefined && volume === undefined) {
      yield {
        breach: `${claimPrefix(claim)}storageClassName is missing, so the cluster's default decides whether it is encrypted; name a class`,
      };
    }
  }
}

export const storageEncrypted: ObjectRule = {
  name: "storage-encrypted",
  description: "Storage classes and disks encrypt what they keep, and every volume claim names its class.",
  severity: "high",
  references: [
    { framework: "Kubernetes documentation", control: "Storage Classes" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Encryption: data at rest" },
  ],
  remediation: `Set the provisioner's encryption parameter; for one that policies/storage.json does not know, say in the annotation ${REASON} what encrypts.`,
  scope: "object",
  kinds: [...CLAIMING_KINDS, "StorageClass", ...FIELDS.keys()],
  *check(object) {
    const field = FIELDS.get(object.type);
    if (object.kind === "StorageClass") yield* storageClass(object);
    else if (field === undefined) yield* claims(object);
    else {
      const value = at(object.fields, field);
      if (value instanceof Unknown) yield { unknown: value };
      else if (value !== true) {
        yield { breach: `${field} is ${value === undefined ? "missing" : show(value)}; set it to true` };
      }
    }
  },
};
