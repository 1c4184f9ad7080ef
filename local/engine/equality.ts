import { AssetOrArchive, isMap, type PropertyValue, ResourceReference, Secret } from "./values";

/** Whether two values are the same; `Secret(x)` and `x` differ only when `secrecy` counts. */
export function equal(a: PropertyValue | undefined, b: PropertyValue | undefined, secrecy = false): boolean {
  if (a === b) return true;
  if (a instanceof Secret || b instanceof Secret) {
    if (secrecy && a instanceof Secret !== b instanceof Secret) return false;
    return equal(a instanceof Secret ? a.value : a, b instanceof Secret ? b.value : b, secrecy);
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((part, i) => equal(part, b[i], secrecy));
  }
  if (a instanceof ResourceReference) {
    return b instanceof ResourceReference && a.urn === b.urn && (a.id ?? "") === (b.id ?? "");
  }
  if (a instanceof AssetOrArchive) {
    if (!(b instanceof AssetOrArchive) || a.kind !== b.kind) return false;
    return "hash" in a.fields && "hash" in b.fields ? equal(a.fields.hash, b.fields.hash) : equal(a.fields, b.fields);
  }
  if (!isMap(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key], secrecy))
  );
}
