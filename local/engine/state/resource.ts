import type { PropertyMap } from "../values";
import { decodeMap, encodeMap, isJsonObject, sameValue, type Json, type JsonObject, type SecretForm } from "./codec";
import type { Operation, OperationType, ResourceState } from "./store";

type Field = keyof ResourceState;

/** In the order in which the CLI writes them. `urn`, `custom` and `type` are always there, the rest when not empty. */
const FIELDS = [
  "urn",
  "custom",
  "delete",
  "id",
  "type",
  "inputs",
  "outputs",
  "parent",
  "protect",
  "external",
  "dependencies",
  "initErrors",
  "provider",
  "propertyDependencies",
  "pendingReplacement",
  "additionalSecretOutputs",
  "aliases",
  "customTimeouts",
  "importID",
  "retainOnDelete",
  "deletedWith",
  "created",
  "modified",
  "sourcePosition",
  "ignoreChanges",
  "replaceOnChanges",
] as const satisfies readonly Field[];

const known = new Set<string>(FIELDS);

/** Notes on when, where and by what other names, which alone are no reason to write the state again. */
const NOTES = new Set<Field>(["created", "modified", "sourcePosition", "aliases"]);

/**
 * Fields of a resource that the CLI wrote and this engine has no use for (`stackTrace`, `hideDiff` …). They stay with the
 * resource while it stays as it is.
 */
const extras = new WeakMap<ResourceState, JsonObject>();

export function inheritExtras(from: ResourceState, to: ResourceState): void {
  const extra = extras.get(from);
  if (extra) extras.set(to, extra);
}

export function encodeResource(resource: ResourceState, secrets: SecretForm): JsonObject {
  const json: JsonObject = {};
  for (const field of FIELDS) {
    const value = encodeField(resource, field, secrets);
    if (value !== undefined) json[field] = value;
  }
  return Object.assign(json, extras.get(resource));
}

function encodeField(resource: ResourceState, field: Field, secrets: SecretForm): Json | undefined {
  if (field === "urn" || field === "type" || field === "custom") return resource[field];
  if (field === "inputs" || field === "outputs") {
    const map = resource[field];
    return isEmpty(map) ? undefined : encodeMap(map, secrets, `${field} ${resource.urn}`);
  }
  const value = resource[field];
  if (isEmpty(value)) return undefined;
  if (field === "propertyDependencies") return sortKeys(resource.propertyDependencies ?? {});
  return value;
}

/** @throws an error that names the resource and the field */
export function decodeResource(json: unknown, secrets: SecretForm, place: string): ResourceState {
  if (!isJsonObject(json)) throw new Error(`${place} is not an object`);
  const { urn, type, custom } = json;
  if (typeof urn !== "string" || urn === "") throw new Error(`${place} is missing the required 'urn' field`);
  if (typeof type !== "string" || type === "")
    throw new Error(`resource '${urn}' is missing the required 'type' field`);
  for (const field of Object.keys(json)) checkField(json, field, urn);
  if (custom !== true && json["id"]) throw new Error(`resource '${urn}' has 'custom' false but a non-empty 'id'`);

  const resource: ResourceState = {
    ...Object.fromEntries(Object.entries(json).filter(([field]) => known.has(field))),
    urn,
    type,
    custom: custom === true,
    inputs: decodeProperties(json["inputs"], secrets, `inputs ${urn}`),
    outputs: decodeProperties(json["outputs"], secrets, `outputs ${urn}`),
  };
  const rest = Object.entries(json).filter(([field]) => !known.has(field));
  if (rest.length > 0) extras.set(resource, Object.fromEntries(rest));
  return resource;
}

function decodeProperties(json: Json | undefined, secrets: SecretForm, owner: string): PropertyMap {
  return isJsonObject(json) ? decodeMap(json, secrets, owner) : {};
}

const KINDS: Partial<Record<Field, "string" | "boolean" | "strings" | "object">> = {
  custom: "boolean",
  delete: "boolean",
  id: "string",
  inputs: "object",
  outputs: "object",
  parent: "string",
  protect: "boolean",
  external: "boolean",
  dependencies: "strings",
  initErrors: "strings",
  provider: "string",
  propertyDependencies: "object",
  pendingReplacement: "boolean",
  additionalSecretOutputs: "strings",
  aliases: "strings",
  customTimeouts: "object",
  importID: "string",
  retainOnDelete: "boolean",
  deletedWith: "string",
  ignoreChanges: "strings",
  replaceOnChanges: "strings",
};

function checkField(json: JsonObject, field: string, urn: string): void {
  const value = json[field];
  const kind = KINDS[field as Field];
  if (kind === undefined || value === null || value === undefined) return;
  const right =
    kind === "object"
      ? isJsonObject(value)
      : kind === "strings"
        ? Array.isArray(value) && value.every((item) => typeof item === "string")
        : typeof value === kind;
  const wanted = kind === "strings" ? "a list of strings" : kind === "object" ? "an object" : `a ${kind}`;
  if (!right) throw new Error(`resource '${urn}': '${field}' must be ${wanted}`);
}

export function encodeOperation(operation: Operation, secrets: SecretForm): JsonObject {
  return { resource: encodeResource(operation.resource, secrets), type: operation.type };
}

const OPERATIONS = new Set<string>(["creating", "updating", "deleting", "reading", "importing"]);

export function decodeOperation(json: unknown, secrets: SecretForm, place: string): Operation {
  if (!isJsonObject(json)) throw new Error(`${place} is not an object`);
  const type = json["type"];
  if (typeof type !== "string" || !OPERATIONS.has(type)) {
    throw new Error(`${place} has the type ${JSON.stringify(type)}; it must be one of ${[...OPERATIONS].join(", ")}`);
  }
  return { resource: decodeResource(json["resource"], secrets, `${place}: its resource`), type: type as OperationType };
}

/** Whether two states say the same, notes such as `modified` and `sourcePosition` aside. */
export function sameResource(a: ResourceState, b: ResourceState): boolean {
  return (
    a === b ||
    FIELDS.every((field) => {
      if (NOTES.has(field)) return true;
      const [left, right] = [a[field], b[field]];
      return (isEmpty(left) && isEmpty(right)) || sameValue(left, right);
    })
  );
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function sortKeys(map: Record<string, string[]>): JsonObject {
  return Object.fromEntries(
    Object.keys(map)
      .sort()
      .map((key) => [key, map[key] ?? []]),
  );
}
