import { equal } from "../equality";
import type { ResourceState } from "../state/store";
import type { PropertyMap } from "../values";
import type { Registration } from "./registration";

const given = <T>(list: readonly T[]): T[] | undefined => (list.length === 0 ? undefined : [...list]);

/** The state that a registration asks for, without what only its provider knows. Absent fields are left out, as in Pulumi's files. */
export function goalState(
  registration: Registration,
  urn: string,
  inputs: PropertyMap,
  more: { provider?: string; aliases: readonly string[]; outputs?: PropertyMap },
): ResourceState {
  const { timeouts } = registration;
  const dependencies: [string, string[]][] = Object.entries(registration.propertyDependencies).map(([key, urns]) => [
    key,
    [...urns],
  ]);
  const state: ResourceState = {
    urn,
    custom: registration.custom,
    type: registration.type,
    inputs,
    outputs: more.outputs ?? {},
    parent: registration.parent,
    protect: registration.protect === true ? true : undefined,
    dependencies: given(registration.dependencies),
    provider: more.provider,
    propertyDependencies: dependencies.length === 0 ? undefined : Object.fromEntries(dependencies),
    additionalSecretOutputs: given(registration.additionalSecretOutputs),
    aliases: given(more.aliases),
    customTimeouts: timeouts !== undefined && Object.keys(timeouts).length > 0 ? { ...timeouts } : undefined,
    retainOnDelete: registration.retainOnDelete === true ? true : undefined,
    deletedWith: registration.deletedWith,
    ignoreChanges: given(registration.ignoreChanges),
    replaceOnChanges: given(registration.replaceOnChanges),
  };
  return withoutAbsent(state);
}

/** Drops what is `undefined`: an absent field is not written. */
export function withoutAbsent(state: ResourceState): ResourceState {
  return Object.fromEntries(
    Object.entries(state).filter(([, value]) => value !== undefined),
  ) as unknown as ResourceState;
}

/** Fields that tell when, or where in the program, or what it was called before, and so do not make a resource different. */
const incidental = new Set(["created", "modified", "sourcePosition", "aliases"]);

/** Whether two states record the same, secrets being secret in both. Lists of URNs are compared as sets. */
export function recordsTheSame(a: ResourceState, b: ResourceState): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)] as (keyof ResourceState)[]);
  for (const key of keys) {
    if (incidental.has(key)) continue;
    const [before, after] = [a[key], b[key]];
    if (key === "inputs" || key === "outputs") {
      if (!equal(before, after, true)) return false;
    } else if (!sameField(before, after)) {
      return false;
    }
  }
  return true;
}

/** Empty lists, empty maps and `false` are what an absent field means. */
function sameField(a: unknown, b: unknown): boolean {
  if (a === b || (isEmpty(a) && isEmpty(b))) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    const right = new Set<unknown>(b);
    return a.length === b.length && a.every((value) => right.has(value));
  }
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  const names = new Set([...left.map(([name]) => name), ...right.keys()]);
  const from = new Map<string, unknown>(left);
  return [...names].every((name) => sameField(from.get(name), right.get(name)));
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined ||
    value === false ||
    value === "" ||
    (typeof value === "object" && value !== null && Object.keys(value).length === 0)
  );
}
