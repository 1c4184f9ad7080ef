import type { StepInfo } from "../events";
import { changedPaths, parsePath } from "../paths";
import type { DiffKind } from "../provider";
import { type PropertyMap, type PropertyValue, Secret } from "../values";
import { nameIn } from "./model";
import { isIdle, type Style, wordingOf } from "./operations";
import type { Paint } from "./tree";
import { block, inline, isInternalKey, properties, valueAt } from "./values";

const INDENT = "    ";
const SIGNS: Readonly<Record<string, [string, Style]>> = {
  add: ["+", "green"],
  delete: ["-", "red"],
  update: ["~", "yellow"],
};

/** A step in detail: what it does to which resource, and to which of its properties. */
export function stepLines(step: StepInfo, showSecrets: boolean, paint: Paint): string[] {
  if (isIdle(step.op)) return [];
  const { sign, style, plan } = wordingOf(step.op);
  const lines = [`${paint(style, `${sign} ${step.type}`)} ${nameIn(step.urn)} ${paint(style, `(${plan})`)}`];
  const id = step.old?.id ?? step.new?.id;
  lines.push(`${INDENT}[urn=${step.urn}]`);
  if (id !== undefined && id !== "") lines.push(`${INDENT}[id=${id}]`);
  if (step.provider !== undefined) lines.push(`${INDENT}[provider=${step.provider}]`);
  if (step.op === "create" || step.op === "import") {
    lines.push(...properties(step.new?.inputs ?? {}, INDENT, showSecrets));
  } else if (
    step.new !== undefined &&
    step.old !== undefined &&
    step.op !== "delete" &&
    step.op !== "delete-replaced"
  ) {
    lines.push(...changeLines(step, step.old.inputs, step.new.inputs, showSecrets, paint));
  }
  return [...lines, ""];
}

function changeLines(
  step: StepInfo,
  olds: PropertyMap,
  news: PropertyMap,
  showSecrets: boolean,
  paint: Paint,
): string[] {
  const given = Object.entries(step.detailedDiff ?? {});
  const refreshed = step.op === "refresh";
  const [before, after] = refreshed ? [step.old?.outputs ?? olds, step.new?.outputs ?? news] : [olds, news];
  const changes: [string, DiffKind][] = given.length > 0 ? given : [...changedPaths(before, after)];
  const reasons = new Set(step.replaceReasons);
  return changes.flatMap(([path, kind]) => {
    if (isInternalKey(path)) return [];
    const parsed = parsePath(path);
    const old = valueAt(before, parsed) ?? valueAt(step.old?.outputs, parsed);
    const value = valueAt(after, parsed);
    const forces = kind.endsWith("-replace") || reasons.has(path) ? paint("magenta", " (forces replacement)") : "";
    return propertyLines(path, kind.replace("-replace", ""), old, value, showSecrets, paint, forces);
  });
}

function propertyLines(
  path: string,
  kind: string,
  old: PropertyValue | undefined,
  value: PropertyValue | undefined,
  showSecrets: boolean,
  paint: Paint,
  note: string,
): string[] {
  // A property that a default takes the place of is an update to its provider, and gone or new in the program.
  const shown = value === undefined ? "delete" : old === undefined ? "add" : kind;
  const [sign, style] = SIGNS[shown] ?? ["~", "yellow"];
  const lead = `  ${paint(style, sign)} `;
  const only = shown === "add" ? value : shown === "delete" ? old : undefined;
  if (only !== undefined) {
    const [first = "", ...rest] = block(path, only, INDENT, showSecrets);
    return [`${lead}${first.slice(INDENT.length)}${note}`, ...rest];
  }
  const texts = [old, value].map((each) => (each instanceof Secret && showSecrets ? each.value : each));
  if (texts.every((text): text is string => typeof text === "string") && texts.some((text) => text?.includes("\n"))) {
    return [`${lead}${path}:${note}`, ...textLines(texts[0] ?? "", texts[1] ?? "", paint)];
  }
  return [`${lead}${path}: ${inline(old, showSecrets)} => ${inline(value, showSecrets)}${note}`];
}

/** The lines of a text that differ, without the equal ones before and after. */
function textLines(old: string, value: string, paint: Paint): string[] {
  const a = old.split("\n");
  const b = value.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const removed = a.slice(start, a.length - end).map((line) => paint("red", `${INDENT}  - ${line}`));
  const added = b.slice(start, b.length - end).map((line) => paint("green", `${INDENT}  + ${line}`));
  return [...(start > 0 ? [`${INDENT}    … ${start} equal line${start === 1 ? "" : "s"}`] : []), ...removed, ...added];
}
