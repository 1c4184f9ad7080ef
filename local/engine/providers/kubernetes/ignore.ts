import { parsePath } from "../../paths";
import { isJsonMap, type Json, type JsonMap } from "./object";

/**
 * Takes what the program ignores out of an apply, where someone else has changed it (an autoscaler's replicas): applying our old value again would
 * undo their change. What still has our value stays in, because leaving it out would delete it.
 */
export function withoutIgnored(body: JsonMap, live: JsonMap, ignored: readonly string[]): JsonMap {
  const copy = structuredClone(body);
  for (const path of ignored) remove(copy, live, parsePath(path));
  return copy;
}

function remove(here: Json | undefined, live: Json | undefined, keys: readonly (string | number)[]): void {
  const [key, ...rest] = keys;
  if (key === undefined || here === undefined || here === null || typeof here !== "object") return;
  const chosen = key === "*" ? Object.keys(here) : [String(key)];
  for (const name of chosen) {
    const mine = child(here, name);
    const theirs = child(live, name);
    if (mine === undefined) continue;
    if (rest.length > 0) remove(mine, theirs, rest);
    else if (theirs !== undefined && JSON.stringify(mine) !== JSON.stringify(theirs) && isJsonMap(here))
      delete here[name];
    else if (theirs !== undefined && Array.isArray(here)) here[Number(name)] = theirs;
  }
}

const child = (value: Json | undefined, key: string): Json | undefined => {
  if (Array.isArray(value)) return value[Number(key)];
  return isJsonMap(value) ? value[key] : undefined;
};
