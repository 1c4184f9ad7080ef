/**
 * A value that a preview cannot know yet. `cause` is what the SDK threw when it was read: it names the property's path, and the SDK turns
 * it into an advisory note when a policy throws it.
 */
export class Unknown {
  constructor(readonly cause: Error) {}
}

/** Properties of a resource as plain data. Reading the SDK's own proxies throws at each unknown; this holds them instead. */
export type Value = null | boolean | number | string | Unknown | readonly Value[] | ValueMap;
export interface ValueMap {
  readonly [key: string]: Value;
}

export function isMap(value: Value | undefined): value is ValueMap {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Unknown);
}

export function isList(value: Value | undefined): value is readonly Value[] {
  return Array.isArray(value);
}

/** Under this name the SDK's proxies give what they stand before. They cost a hundred times what the reading of plain data does. */
const TARGET = "__getSpecialProxyTarget";
/** How an unknown value travels: an identifier of this form, which stands for its type. */
const IDENTIFIER = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Copies `source`, the property bag that the SDK hands to a policy. Functions and `undefined` are left out. */
export function plain(source: object): ValueMap {
  const target = (source as Readonly<Record<string, unknown>>)[TARGET];
  return typeof target === "object" && target !== null ? new Copy(source).map(target, []) : slowly(source);
}

/** Copies what a proxy stands before, and asks the proxy itself only of what may be unknown. */
class Copy {
  constructor(private readonly proxy: object) {}

  map(from: object, path: string[]): ValueMap {
    const copy: Record<string, Value> = {};
    for (const [key, part] of Object.entries(from)) {
      path.push(key);
      const value = this.value(part, path);
      if (value !== undefined) copy[key] = value;
      path.pop();
    }
    return copy;
  }

  private value(from: unknown, path: string[]): Value | undefined {
    if (typeof from === "string") return IDENTIFIER.test(from) ? this.ask(path) : from;
    if (from === null || typeof from === "boolean" || typeof from === "number") return from;
    if (typeof from !== "object") return undefined;
    if (!Array.isArray(from)) return this.map(from, path);
    return (from as unknown[]).map((part, index) => {
      path.push(String(index));
      const value = this.value(part, path) ?? null;
      path.pop();
      return value;
    });
  }

  private ask(path: readonly string[]): Value | undefined {
    let part: unknown = this.proxy;
    try {
      for (const key of path) part = (part as Readonly<Record<string, unknown>>)[key];
    } catch (error) {
      if (error instanceof Error) return new Unknown(error);
      throw error;
    }
    return part as string;
  }
}

/** Copies by reading each property, as one must where the properties are behind no proxy of the SDK, or behind another. */
function slowly(source: object): ValueMap {
  const copy: Record<string, Value> = {};
  for (const key of Object.keys(source)) {
    const value = read(source, key);
    if (value !== undefined) copy[key] = value;
  }
  return copy;
}

function read(source: object, key: string | number): Value | undefined {
  let value: unknown;
  try {
    value = (source as Record<string | number, unknown>)[key];
  } catch (error) {
    if (error instanceof Error) return new Unknown(error);
    throw error;
  }
  if (value === null || typeof value === "boolean" || typeof value === "number" || typeof value === "string")
    return value;
  if (typeof value !== "object") return undefined;
  if (!Array.isArray(value)) return slowly(value);
  const list = value as unknown[];
  return Array.from({ length: list.length }, (_, index) => read(list, index) ?? null);
}

/** The part of `value` at `path`; `undefined` when absent or null, {@link Unknown} as soon as a part on the way is unknown. */
export function at(value: Value | undefined, ...path: readonly string[]): Value | undefined {
  let part = value;
  for (const key of path) {
    if (part instanceof Unknown) return part;
    part = isMap(part) ? part[key] : undefined;
  }
  return part ?? undefined;
}

/** For messages: text as it is, anything else as JSON, and no objects in full. */
export function show(value: Value | undefined): string {
  if (typeof value === "string") return value;
  if (value instanceof Unknown) return "[unknown]";
  if (isList(value)) return "a list";
  return isMap(value) ? "an object" : String(value);
}

/** The first unknown part of `value`, itself included. */
export function unknownIn(value: Value | undefined): Unknown | undefined {
  if (value instanceof Unknown) return value;
  const parts = isList(value) ? value : isMap(value) ? Object.values(value) : [];
  for (const part of parts) {
    const found = unknownIn(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether two values are equal, in whatever order their keys stand. Neither may hold an {@link Unknown}. */
export function isSame(left: Value | undefined, right: Value | undefined): boolean {
  if (isList(left) && isList(right)) {
    return left.length === right.length && left.every((part, index) => isSame(part, right[index]));
  }
  if (isMap(left) && isMap(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].every((key) => isSame(left[key], right[key]));
  }
  return left === right;
}

/** The elements of a list; none when it is no list. */
export const elements = (value: Value | undefined): readonly Value[] => (isList(value) ? value : []);

/** The text of an annotation that states a reason; `undefined` when it is missing or says nothing. */
export function reasonIn(annotations: Value | undefined, name: string): string | Unknown | undefined {
  const text = at(annotations, name);
  if (text instanceof Unknown) return text;
  return typeof text === "string" && text.trim() !== "" ? text : undefined;
}
