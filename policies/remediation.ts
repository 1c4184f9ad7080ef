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
  const listed = properties["items"];
  const bodies = Array.isArray(listed) ? (listed as unknown[]) : [properties];
  return bodies
    .flatMap((body) => rawContainers(body, kind))
    .map(remediate)
    .includes(true);
}

function rawContainers(body: unknown, kind: string): Properties[] {
  let part: unknown = body;
  for (const key of [...templateOf(kind), "spec"]) part = isObject(part) ? part[key] : undefined;
  if (!isObject(part)) return [];
  const spec = part;
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((list) => {
    const containers = spec[list];
    return Array.isArray(containers) ? (containers as unknown[]).filter(isObject) : [];
  });
}

const isObject = (value: unknown): value is Properties =>
  typeof value === "object" && value !== null && !Array.isArray(value);
