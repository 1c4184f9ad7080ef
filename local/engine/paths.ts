import { equal } from "./equality";
import { StepFailure } from "./failure";
import { isMap, type PropertyMap, type PropertyValue, Secret } from "./values";

/** Keys, list indexes, and `*` for any of either. */
export type PropertyPath = readonly (string | number)[];

/** Reads a path as Pulumi writes it: `spec.containers[0].image`, `data["a.b"]`, `spec.*`. */
export function parsePath(text: string): PropertyPath {
  const path: (string | number)[] = [];
  const part = /\.?(?:\[(\d+)\]|\[\*\]|\["((?:[^"\\]|\\.)*)"\]|([^.[\]"]+))/y;
  while (part.lastIndex < text.length) {
    const at = part.lastIndex;
    const match = part.exec(text);
    if (match === null)
      throw new StepFailure(
        `'${text}' is not a property path (stuck at '${text.slice(at)}'); write it like spec.containers[0].image or data["a.b"]`,
      );
    const [, index, quoted, plain] = match;
    path.push(
      index !== undefined ? Number(index) : quoted !== undefined ? quoted.replace(/\\(.)/g, "$1") : (plain ?? "*"),
    );
  }
  return path;
}

export function formatPath(path: PropertyPath): string {
  return path
    .map((part, i) =>
      typeof part === "number"
        ? `[${part}]`
        : /^[^.[\]"]+$/.test(part)
          ? i === 0
            ? part
            : `.${part}`
          : `[${JSON.stringify(part)}]`,
    )
    .join("");
}

/** Whether `changed` lies at or under `pattern`, or `pattern` under it (a change of the whole contains the part). */
export function touches(pattern: PropertyPath, changed: PropertyPath): boolean {
  return pattern.every((part, i) => i >= changed.length || part === "*" || part === changed[i]);
}

/** `news` with what is at `ignored` as it is in `olds`: changed back, put back, or taken away. */
export function withIgnored(news: PropertyMap, olds: PropertyMap, ignored: readonly string[]): PropertyMap {
  return ignored.reduce<PropertyMap>((map, text) => restoreMap(map, olds, parsePath(text)), news);
}

const absent = Symbol("absent");
type Maybe = PropertyValue | typeof absent;

function restoreMap(news: PropertyMap, olds: PropertyMap, path: PropertyPath): PropertyMap {
  const result = restore(news, olds, path);
  return result === absent || !isMap(result) ? news : result;
}

function restore(news: Maybe, olds: Maybe, path: PropertyPath): Maybe {
  const [head, ...rest] = path;
  if (head === undefined) return olds;
  if (news instanceof Secret || olds instanceof Secret) {
    const inner = restore(news instanceof Secret ? news.value : news, olds instanceof Secret ? olds.value : olds, path);
    return inner === absent ? absent : new Secret(inner);
  }
  if (Array.isArray(news)) {
    const old = Array.isArray(olds) ? olds : [];
    const indexes = head === "*" ? [...news.keys()] : [Number(head)];
    const copy = [...news];
    for (const i of indexes) {
      const value = restore(copy[i] ?? absent, old[i] ?? absent, rest);
      if (value !== absent && i <= copy.length) copy[i] = value;
    }
    return copy;
  }
  const from: PropertyMap = olds !== absent && isMap(olds) ? olds : {};
  if (news !== absent && !isMap(news)) return news;
  const to: PropertyMap = news !== absent && isMap(news) ? news : {};
  const keys = head === "*" ? new Set([...Object.keys(to), ...Object.keys(from)]) : [String(head)];
  const copy = { ...to };
  for (const key of keys) {
    const value = restore(own(copy, key), own(from, key), rest);
    if (value === absent) delete copy[key];
    else copy[key] = value;
  }
  return news === absent && Object.keys(copy).length === 0 ? absent : copy;
}

const own = (map: PropertyMap, key: string): Maybe => (Object.hasOwn(map, key) ? (map[key] ?? null) : absent);

export type ChangeKind = "add" | "delete" | "update";

/** The paths at which two maps differ, each with how; secrecy does not count. */
export function changedPaths(olds: PropertyMap, news: PropertyMap): Map<string, ChangeKind> {
  const found = new Map<string, ChangeKind>();
  compare(olds, news, [], found);
  return found;
}

function compare(old: PropertyValue, value: PropertyValue, path: PropertyPath, found: Map<string, ChangeKind>): void {
  const a = old instanceof Secret ? old.value : old;
  const b = value instanceof Secret ? value.value : value;
  if (equal(a, b)) return;
  if (isMap(a) && isMap(b)) {
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      const [before, after] = [a[key], b[key]];
      if (before === undefined) found.set(formatPath([...path, key]), "add");
      else if (after === undefined) found.set(formatPath([...path, key]), "delete");
      else compare(before, after, [...path, key], found);
    }
  } else if (Array.isArray(a) && Array.isArray(b)) {
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const [before, after] = [a[i], b[i]];
      if (before === undefined) found.set(formatPath([...path, i]), "add");
      else if (after === undefined) found.set(formatPath([...path, i]), "delete");
      else compare(before, after, [...path, i], found);
    }
  } else {
    found.set(formatPath(path), "update");
  }
}
