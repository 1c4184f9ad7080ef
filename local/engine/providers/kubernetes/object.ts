import { ProviderError } from "../../provider";
import {
  AssetOrArchive,
  isMap,
  ResourceReference,
  Secret,
  Unknown,
  type PropertyMap,
  type PropertyValue,
} from "../../values";

/** JSON as the API server speaks it. */
export type Json = null | boolean | number | string | Json[] | JsonMap;
export interface JsonMap {
  [key: string]: Json;
}

export function isJsonMap(value: unknown): value is JsonMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export const isList = (value: PropertyValue | undefined): value is PropertyValue[] => Array.isArray(value);
/** Not a type guard: the class has no members, so narrowing by it would swallow the maps. */
export const isUnknown = (value: PropertyValue | undefined): boolean => value instanceof Unknown;

/** The value at a path, `undefined` when any part of the way is missing. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let here: Json | undefined = value;
  for (const step of path) {
    if (typeof step === "number") here = Array.isArray(here) ? here[step] : undefined;
    else here = isJsonMap(here) ? here[step] : undefined;
    if (here === undefined) return undefined;
  }
  return here;
}

/** The text at a path; empty when it is missing or something else. */
export function text(value: Json | undefined, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

/** The number at a path; 0 when it is missing or something else. */
export function count(value: Json | undefined, ...path: readonly (string | number)[]): number {
  const found = at(value, ...path);
  return typeof found === "number" ? found : 0;
}

export function mapAt(value: Json | undefined, ...path: readonly (string | number)[]): JsonMap {
  const found = at(value, ...path);
  return isJsonMap(found) ? found : {};
}

/** The maps of the list at a path; empty when it is missing. */
export function mapsAt(value: Json | undefined, ...path: readonly (string | number)[]): JsonMap[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isJsonMap) : [];
}

export const nameOf = (object: JsonMap): string => text(object, "metadata", "name");
export const namespaceOf = (object: JsonMap): string => text(object, "metadata", "namespace");
export const uidOf = (object: JsonMap): string => text(object, "metadata", "uid");
export const annotation = (object: JsonMap, key: string): string => text(object, "metadata", "annotations", key);

/** `Deployment default/web`, for messages. */
export function label(object: JsonMap): string {
  const namespace = namespaceOf(object);
  return `${text(object, "kind")} ${namespace === "" ? "" : `${namespace}/`}${nameOf(object)}`;
}

/** The condition of that type in `status.conditions`. */
export function condition(object: JsonMap | undefined, type: string): JsonMap | undefined {
  return mapsAt(object, "status", "conditions").find((entry) => text(entry, "type") === type);
}
export const conditionIs = (object: JsonMap | undefined, type: string, status: string): boolean =>
  text(condition(object, type), "status") === status;

/** Inputs as JSON for a request body. Throws a {@link ProviderError} when a value is unknown or has no JSON form. */
export function toJson(value: PropertyValue, path = ""): Json {
  if (value instanceof Unknown) throw new ProviderError(`${path || "the resource"} is not known yet`);
  if (value instanceof Secret) return toJson(value.value, path);
  if (value instanceof ResourceReference || value instanceof AssetOrArchive) {
    throw new ProviderError(
      `${path || "the resource"} holds ${value instanceof ResourceReference ? "a resource" : "an asset"}; a Kubernetes object takes only plain values: pass one of its properties, or the file's text`,
    );
  }
  if (Array.isArray(value)) return value.map((part, index) => toJson(part, `${path}[${index}]`));
  if (isMap(value)) return toJsonMap(value, path);
  return value;
}

export function toJsonMap(map: PropertyMap, path = ""): JsonMap {
  return Object.fromEntries(
    Object.entries(map).map(([key, part]) => [key, toJson(part, path === "" ? key : `${path}.${key}`)]),
  );
}

/** A copy in which map entries that are null are left out, as the API server would. */
export function withoutNulls(value: PropertyValue): PropertyValue {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== null)
      .map(([key, part]) => [key, withoutNulls(part)]),
  );
}

/** A copy of a map without some of its keys. */
export function without<V>(map: Readonly<Record<string, V>>, ...keys: readonly string[]): Record<string, V> {
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}

/** A scalar as text, anything else as JSON. */
export const spelled = (value: Json | undefined): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "");
