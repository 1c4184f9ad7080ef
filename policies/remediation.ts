import { templateOf } from "./workload";

type Properties = Record<string, unknown>;

/**
 * Runs `remediate` on each container of the properties as the SDK gave them; they are changed in place, which is how the SDK keeps
 * secrets secret. Parts of a wrong type are left alone; an unknown part throws, which the SDK reports as a note. Returns whether anything
 * was changed.
 */
export function remediateContainers(
  properties: Properties,
  kind: string,
  remediate: (container: Properties) => boolean,
): boolean {
  const items = elements(properties["items"]);
  const bodies = items.length > 0 ? items : [properties];
  let changed = false;
  for (const container of bodies.flatMap((body) => containersOf(body, kind))) changed = remediate(container) || changed;
  return changed;
}

function containersOf(body: unknown, kind: string): Properties[] {
  let part: unknown = body;
  for (const key of [...templateOf(kind), "spec"]) part = isObject(part) ? part[key] : undefined;
  if (!isObject(part)) return [];
  const spec = part;
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
