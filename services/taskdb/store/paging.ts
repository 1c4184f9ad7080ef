import { BadCursor, type Page, type PageRequest } from "./store";

type Key = string | number;

/**
 * The cursor is the key of the last row, bound to its list: with another filter, or of another list, it would silently leave
 * rows out.
 */
export function after<T extends Key>(
  list: string,
  { cursor }: PageRequest,
  valid: (key: unknown) => key is T,
): T | undefined {
  if (cursor === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    throw new BadCursor(cursor);
  }
  if (!Array.isArray(value) || value.length !== 2 || value[0] !== list) throw new BadCursor(cursor);
  const key: unknown = value[1];
  if (!valid(key)) throw new BadCursor(cursor);
  return key;
}

/** Of one row more than the page holds, which tells whether there is a next. */
export function page<T>(list: string, { limit }: PageRequest, rows: readonly T[], key: (row: T) => Key): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items, next: more ? Buffer.from(JSON.stringify([list, key(last)])).toString("base64url") : null };
}

export const isId = (key: unknown): key is string =>
  typeof key === "string" && /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(key);
export const isPosition = (key: unknown): key is number => Number.isSafeInteger(key) && (key as number) >= 0;
