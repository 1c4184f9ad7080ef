import type { DiffKind } from "../../provider";
import { AssetOrArchive, isMap, ResourceReference, type PropertyValue } from "../../values";
import { isList, isUnknown } from "./object";

export type Changes = Record<string, "add" | "delete" | "update">;

const plainKey = /^[A-Za-z_$][\w$]*$/;
export const join = (path: string, key: string): string =>
  plainKey.test(key) ? (path === "" ? key : `${path}.${key}`) : `${path}[${JSON.stringify(key)}]`;

/** The paths at which two property values differ, in Pulumi's notation: `spec.ports[0].name`, `metadata.labels["a/b"]`. */
export function changesBetween(
  old: PropertyValue | undefined,
  fresh: PropertyValue | undefined,
  path = "",
  changes: Changes = {},
): Changes {
  const [before, after] = [old ?? undefined, fresh ?? undefined];
  if (before === undefined && after === undefined) return changes;
  if (before === undefined) changes[path] = "add";
  else if (after === undefined) changes[path] = "delete";
  else if (isList(before) && isList(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      changesBetween(before[index], after[index], `${path}[${index}]`, changes);
    }
  } else if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      changesBetween(before[key], after[key], join(path, key), changes);
    }
  } else if (!sameLeaf(before, after)) changes[path] = "update";
  return changes;
}

function sameLeaf(before: PropertyValue, after: PropertyValue): boolean {
  if (isUnknown(before) || isUnknown(after)) return false;
  if (before instanceof ResourceReference && after instanceof ResourceReference) return before.urn === after.urn;
  if (before instanceof AssetOrArchive && after instanceof AssetOrArchive) {
    return JSON.stringify(before.fields) === JSON.stringify(after.fields);
  }
  return before === after;
}

/** Whether a path is `prefix` itself or inside it. */
export const within = (path: string, prefix: string): boolean =>
  path === prefix || path.startsWith(`${prefix}.`) || path.startsWith(`${prefix}[`);

/** The changes with those that force a replacement marked so. */
export function detail(changes: Changes, replaceKeys: readonly string[]): Record<string, DiffKind> {
  return Object.fromEntries(
    Object.entries(changes).map(([path, kind]): [string, DiffKind] => [
      path,
      replaceKeys.includes(path) ? `${kind}-replace` : kind,
    ]),
  );
}
