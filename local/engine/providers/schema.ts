import type { CheckFailure, CheckResponse, DiffKind, DiffResponse } from "../provider";
import { hasUnknown, isMap, type PropertyMap, type PropertyValue, Unknown } from "../values";

/** What a provider knows of one input property; from a table of these it gets its checks, defaults and diffs. */
export interface PropertySpec {
  /** `list` and `set` hold strings; the order of a set does not matter. `objects` is a set of maps. */
  readonly type: "string" | "integer" | "boolean" | "list" | "set" | "map" | "objects";
  readonly required?: boolean;
  readonly default?: string | number | boolean;
  /** A change needs a new resource. */
  readonly replaces?: boolean;
  /** Left out, the value is the server's to choose, and leaving it out is no change. */
  readonly computed?: boolean;
  readonly oneOf?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
}

export type Schema = Readonly<Record<string, PropertySpec>>;

/** Keys such as `__defaults`, which Pulumi's bridged providers keep for themselves. */
const isInternal = (key: string): boolean => key.startsWith("__");

/**
 * Validates `inputs` and brings each value to its type: the SDKs of bridged providers send numbers and booleans of a provider's
 * configuration as JSON strings.
 */
export function checkInputs(schema: Schema, inputs: PropertyMap): CheckResponse {
  const failures: CheckFailure[] = [];
  const checked: PropertyMap = {};
  for (const [key, value] of Object.entries(inputs)) {
    if (value === null || isInternal(key)) continue;
    const spec = schema[key];
    if (spec === undefined) {
      failures.push({
        property: key,
        reason: `there is no such property; known are ${Object.keys(schema).join(", ")}`,
      });
      continue;
    }
    const result = checkValue(spec, value);
    if (typeof result === "object" && "reason" in result) failures.push({ property: key, reason: result.reason });
    else checked[key] = result.value;
  }
  for (const [key, spec] of Object.entries(schema)) {
    if (spec.required && checked[key] === undefined && !failures.some((failure) => failure.property === key)) {
      failures.push({ property: key, reason: "is required" });
    }
  }
  return { inputs: checked, failures };
}

function checkValue(spec: PropertySpec, value: PropertyValue): { value: PropertyValue } | { reason: string } {
  if (value instanceof Unknown) return { value };
  switch (spec.type) {
    case "string": {
      const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
      if (typeof text !== "string") return { reason: `must be a string, not ${kindOf(value)}` };
      if (spec.oneOf && !spec.oneOf.includes(text)) {
        return { reason: `must be one of ${spec.oneOf.join(", ")}; it is "${text}"` };
      }
      return { value: text };
    }
    case "integer": {
      const number = typeof value === "string" && /^-?\d+$/.test(value.trim()) ? Number(value) : value;
      if (typeof number !== "number" || !Number.isSafeInteger(number)) {
        return { reason: `must be a whole number, not ${describe(value)}` };
      }
      if (spec.minimum !== undefined && number < spec.minimum) {
        return { reason: `must be at least ${spec.minimum}; it is ${number}` };
      }
      if (spec.maximum !== undefined && number > spec.maximum) {
        return { reason: `must be at most ${spec.maximum}; it is ${number}` };
      }
      return { value: number };
    }
    case "boolean":
      if (value === true || value === "true") return { value: true };
      if (value === false || value === "false") return { value: false };
      return { reason: `must be true or false, not ${describe(value)}` };
    case "list":
    case "set":
      if (!Array.isArray(value) || !value.every((item) => typeof item === "string" || item instanceof Unknown)) {
        return { reason: `must be a list of strings, not ${kindOf(value)}` };
      }
      return { value };
    case "objects":
      if (!Array.isArray(value) || !value.every((item) => isMap(item) || item instanceof Unknown)) {
        return { reason: `must be a list of objects, not ${kindOf(value)}` };
      }
      return { value };
    case "map":
      return isMap(value) ? { value } : { reason: `must be a map, not ${kindOf(value)}` };
  }
}

const kindOf = (value: PropertyValue): string => (Array.isArray(value) ? "a list" : `a ${typeof value}`);
/** Numbers and booleans are shown; text may be a secret put in the wrong place, so only its kind is. */
const describe = (value: PropertyValue): string =>
  typeof value === "number" || typeof value === "boolean" ? String(value) : kindOf(value);

/** The inputs that the schema knows, with its defaults filled in. */
export function withDefaults(schema: Schema, inputs: PropertyMap): PropertyMap {
  const result: PropertyMap = {};
  for (const [key, spec] of Object.entries(schema)) {
    const value = inputs[key] ?? spec.default;
    if (value !== undefined) result[key] = value;
  }
  return result;
}

/** Compares effective values: writing a default out, or reordering a set, is no change. */
export function diffInputs(schema: Schema, olds: PropertyMap, news: PropertyMap): DiffResponse {
  const detailed: Record<string, DiffKind> = {};
  const replaceKeys: string[] = [];
  for (const [key, spec] of Object.entries(schema)) {
    if (spec.computed && (news[key] ?? undefined) === undefined) continue;
    const before = olds[key] ?? spec.default;
    const after = news[key] ?? spec.default;
    if (sameValue(spec, before, after)) continue;
    const kind = before === undefined ? "add" : after === undefined ? "delete" : "update";
    if (spec.replaces) replaceKeys.push(key);
    for (const path of changedPaths(key, before, after)) detailed[path] = spec.replaces ? `${kind}-replace` : kind;
  }
  return { changed: Object.keys(detailed).length > 0, replaceKeys, detailed };
}

/** For a map the keys that differ, for all else the property itself. */
function changedPaths(key: string, before: PropertyValue | undefined, after: PropertyValue | undefined): string[] {
  if (!isMap(before) || !isMap(after)) return [key];
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => canonical(before[name] ?? null) !== canonical(after[name] ?? null))
    .map((name) => (/^[A-Za-z_]\w*$/.test(name) ? `${key}.${name}` : `${key}[${JSON.stringify(name)}]`));
}

function sameValue(spec: PropertySpec, before: PropertyValue | undefined, after: PropertyValue | undefined): boolean {
  if (before === undefined || after === undefined) {
    // An empty collection says the same as none.
    const only = before ?? after;
    return only === undefined || (spec.type !== "string" && isEmpty(only));
  }
  if (hasUnknown(before) || hasUnknown(after)) return false;
  if ((spec.type === "set" || spec.type === "objects") && Array.isArray(before) && Array.isArray(after)) {
    return sortedItems(before) === sortedItems(after);
  }
  return canonical(before) === canonical(after);
}

const isEmpty = (value: PropertyValue): boolean =>
  (Array.isArray(value) && value.length === 0) || (isMap(value) && Object.keys(value).length === 0);
const sortedItems = (items: PropertyValue[]): string => [...new Set(items.map(canonical))].sort().join("\n");

/** JSON with sorted keys; `UNKNOWN` never equals anything, so it needs no form of its own. */
function canonical(value: PropertyValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (isMap(value)) {
    const parts = Object.keys(value).sort();
    return `{${parts.map((key) => `${JSON.stringify(key)}:${canonical(value[key] ?? null)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}
