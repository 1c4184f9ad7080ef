import {
  AssetOrArchive,
  isMap,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  Secret,
  Unknown,
} from "../values";

const INDENT = "    ";
const LONGEST_TEXT = 2000;

export const SECRET_TEXT = "[secret]";
export const UNKNOWN_TEXT = "[unknown]";

/** What people need not see: keys that providers keep for themselves. */
export const isInternalKey = (key: string): boolean => key.startsWith("__");

/** On one line. */
export function inline(value: PropertyValue | undefined, showSecrets: boolean): string {
  if (value === undefined) return "<nothing>";
  if (value instanceof Secret) return showSecrets ? inline(value.value, true) : SECRET_TEXT;
  if (value instanceof Unknown) return UNKNOWN_TEXT;
  if (value instanceof ResourceReference) return typeof value.id === "string" ? value.id : value.urn;
  if (value instanceof AssetOrArchive) return assetText(value);
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map((item) => inline(item, showSecrets)).join(", ")}]`;
  if (isMap(value)) {
    const parts = entries(value).map(([key, part]) => `${key}: ${inline(part, showSecrets)}`);
    return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
  }
  return String(value);
}

function quoted(text: string): string {
  if (text.length <= LONGEST_TEXT) return JSON.stringify(text);
  return `${JSON.stringify(text.slice(0, LONGEST_TEXT))} (and ${text.length - LONGEST_TEXT} more characters)`;
}

function assetText({ kind, fields }: AssetOrArchive): string {
  const { path, uri, hash, text } = fields;
  const place = path ?? uri;
  if (typeof place === "string") return `${kind}(${place})`;
  const short = typeof hash === "string" && hash !== "" ? hash.slice(0, 8) : typeof text === "string" ? "text" : "…";
  return `${kind}(${short})`;
}

const entries = (map: PropertyMap): [string, PropertyValue][] =>
  Object.entries(map).filter(([key]) => !isInternalKey(key));

/** `name: value` in as many lines as it takes, each after `indent`. */
export function block(name: string, value: PropertyValue, indent: string, showSecrets: boolean): string[] {
  const shown = value instanceof Secret && showSecrets ? value.value : value;
  const short = inline(shown, showSecrets);
  const structured = Array.isArray(shown) || isMap(shown);
  if (!structured || short.length + name.length + indent.length <= 78) return [`${indent}${name}: ${short}`];
  const inner = indent + INDENT;
  if (Array.isArray(shown)) {
    const items = shown.flatMap((item, index) => block(`[${index}]`, item, inner, showSecrets));
    return [`${indent}${name}: [`, ...items, `${indent}]`];
  }
  return [`${indent}${name}: {`, ...properties(shown, inner, showSecrets), `${indent}}`];
}

/** Each property of `map`, names aligned. */
export function properties(map: PropertyMap, indent: string, showSecrets: boolean): string[] {
  const list = entries(map);
  const width = Math.max(0, ...list.map(([key]) => key.length));
  return list.flatMap(([key, value]) => {
    const [first = "", ...rest] = block(key, value, indent, showSecrets);
    const named = `${indent}${key}`;
    return [`${named.padEnd(indent.length + width)}${first.slice(named.length)}`, ...rest];
  });
}

/** What stands at `path`; inside of a secret everything is secret. */
export function valueAt(root: PropertyMap | undefined, path: readonly (string | number)[]): PropertyValue | undefined {
  let value: PropertyValue | undefined = root;
  let secret = false;
  for (const part of path) {
    if (value instanceof Secret) {
      secret = true;
      value = value.value;
    }
    if (value instanceof Unknown) return secret ? new Secret(value) : value;
    if (Array.isArray(value)) value = typeof part === "number" ? value[part] : undefined;
    else if (isMap(value)) value = Object.hasOwn(value, part) ? value[String(part)] : undefined;
    else return undefined;
  }
  return secret && value !== undefined && !(value instanceof Secret) ? new Secret(value) : value;
}
