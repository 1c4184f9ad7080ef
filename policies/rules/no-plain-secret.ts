import { formatOf, isWeak, suspicion } from "../credential";
import { ANY_OBJECT, type KubernetesObject } from "../object";
import type { Finding, ObjectRule } from "../rule";
import { at, elements, isList, isMap, show, Unknown, type Value } from "../value";
import { toWorkload, WORKLOAD_KINDS } from "../workload";

const INSTEAD = "keep it in a Secret or in Vault and refer to it";
const RELEASES = ["kubernetes:helm.sh/v3:Release", "kubernetes:helm.sh/v3:Chart", "kubernetes:helm.sh/v4:Chart"];

/** Settings by name, each judged by its name and its text. */
function* settings(place: string, values: Value | undefined): Generator<Finding> {
  if (values instanceof Unknown) yield { unknown: values };
  for (const [key, value] of Object.entries(isMap(values) ? values : {})) {
    if (value instanceof Unknown) {
      yield { unknown: value };
      continue;
    }
    const why = typeof value === "string" ? suspicion(key, value) : undefined;
    if (why !== undefined)
      yield { breach: `${place}.${key} is readable by all who may read the object, and ${why}; ${INSTEAD}` };
  }
}

function* containers(object: KubernetesObject): Generator<Finding> {
  const workload = toWorkload(object);
  for (const unknown of workload.hidden) yield { unknown };
  for (const { name: container, spec } of workload.containers) {
    const variables = at(spec, "env");
    if (variables instanceof Unknown) yield { unknown: variables, container };
    for (const variable of elements(variables)) {
      const [name, value] = [at(variable, "name"), at(variable, "value")];
      for (const part of [variable, value]) if (part instanceof Unknown) yield { unknown: part, container };
      for (const finding of typeof value === "string" ? settings("env", { [show(name)]: value }) : []) {
        yield { ...finding, container };
      }
    }
    for (const field of ["command", "args"]) {
      for (const [index, text] of elements(at(spec, field)).entries()) {
        const format = typeof text === "string" ? formatOf(text) : undefined;
        if (text instanceof Unknown) yield { unknown: text, container };
        if (format !== undefined) yield { breach: `${field}.${index} holds ${format}; ${INSTEAD}`, container };
      }
    }
  }
}

/** A Secret is where credentials belong; but not one that everybody guesses, which no generated value is. */
function* secret({ fields }: KubernetesObject): Generator<Finding> {
  for (const field of ["data", "stringData"]) {
    const values = at(fields, field);
    for (const [key, value] of Object.entries(isMap(values) ? values : {})) {
      const text = typeof value !== "string" ? "" : field === "data" ? Buffer.from(value, "base64").toString() : value;
      if (/user|name|host|database/i.test(key) || !isWeak(text)) continue;
      yield { breach: `${field}.${key} is among the passwords that are tried first; generate one` };
    }
  }
}

/** A chart's values may hold a Pulumi secret, which a policy cannot tell from a text; one that everybody guesses is none. */
function* chart(place: string, values: Value | undefined): Generator<Finding> {
  if (values instanceof Unknown) yield { unknown: values };
  const parts: [string, Value][] = isList(values)
    ? values.map((value, index) => [String(index), value])
    : Object.entries(isMap(values) ? values : {});
  for (const [key, value] of parts) {
    const field = `${place}.${key}`;
    if (typeof value !== "string") yield* chart(field, value);
    else if (/passw|secret|token/i.test(key) && isWeak(value)) {
      yield { breach: `${field} is among the passwords that are tried first; generate one` };
    }
  }
}

export const noPlainSecret: ObjectRule = {
  name: "no-plain-secret",
  description:
    "No credential stands in an environment variable, an argument, a ConfigMap or an annotation, and none that everybody guesses in a Secret or a chart's values.",
  severity: "critical",
  references: [
    { framework: "CIS Kubernetes Benchmark", control: "5.4.1" },
    { framework: "NSA/CISA Kubernetes Hardening Guide", control: "Secrets" },
  ],
  remediation:
    "Put it into a Secret (from a Pulumi secret or a generated value) or into Vault, and refer to it by secretKeyRef, a file or an agent. " +
    "A Pulumi secret in one of these places is no remedy: it is encrypted in Pulumi's state, but stands in the object in clear.",
  scope: "object",
  kinds: [ANY_OBJECT, ...RELEASES],
  *check(object) {
    if (object.apiVersion === undefined) {
      yield* chart("values", at(object.fields, "values"));
      return;
    }
    yield* settings("metadata.annotations", at(object.fields, "metadata", "annotations"));
    if (object.kind === "ConfigMap") yield* settings("data", at(object.fields, "data"));
    if (object.kind === "Secret") yield* secret(object);
    if (WORKLOAD_KINDS.includes(object.kind)) yield* containers(object);
  },
};
