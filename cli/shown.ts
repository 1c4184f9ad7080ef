import { inline, SECRET_TEXT } from "../local/engine/display/values";
import type { PropertyValue } from "../local/engine/values";

const LONGEST = 100;

/** The value at a property's path on one short line, as anybody may see it. */
export function shownValue(type: string, path: string, value: PropertyValue | undefined): string {
  if (isSecretContent(type, path)) return SECRET_TEXT;
  const text = inline(value, false);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}

/** A program need not have said that what it puts into a Secret is one. */
const isSecretContent = (type: string, path: string): boolean =>
  /^kubernetes:core\/v1:Secret(Patch)?$/.test(type) && /^(data|stringData)\b/.test(path);
