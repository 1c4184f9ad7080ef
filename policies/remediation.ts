import type { Properties } from "./rule";
import { templateOf } from "./workload";

type Parts = "object" | "pod" | "container";

/**
 * Runs `remediate` on each object, pod spec or container of the properties as the SDK gave them. Parts of a wrong type are left alone; an
 * unknown part throws, which the SDK reports as a note. Returns whether anything was changed.
 */
export function remediateParts(
  properties: Properties,
  kind: string,
  parts: Parts,
  remediate: (part: Properties) => boolean,
): boolean {
  const items = elements(properties["items"]);
  const bodies = items.length > 0 ? items : [properties];
  let changed = false;
  for (const part of bodies.flatMap((body) => partsOf(body, kind, parts))) changed = remediate(part) || changed;
  return changed;
}

function partsOf(body: unknown, kind: string, parts: Parts): Properties[] {
  if (parts === "object") return isObject(body) ? [body] : [];
  let part: unknown = body;
  for (const key of [...templateOf(kind), "spec"]) part = isObject(part) ? part[key] : undefined;
  if (!isObject(part)) return [];
  const spec = part;
  if (parts === "pod") return [spec];
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) =>
    elements(spec[list]).filter(isObject),
  );
}

/** A true array of a list's elements. The SDK wraps lists in two proxies here, on which `filter`, `map` and their like throw. */
function elements(list: unknown): unknown[] {
  if (!Array.isArray(list)) return [];
  const wrapped = list as unknown[];
  return Array.from({ length: wrapped.length }, (_, index) => wrapped[index]);
}

const isObject = (value: unknown): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);
