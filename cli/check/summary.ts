import { table } from "../table";
import { COLUMNS, row } from "./amounts";
import { type Change, changesOf, type CheckReport, type Finding, type PropertyChange } from "./report";

const SIGNS: Readonly<Record<Change["kind"], string>> = { added: "+", changed: "~", replaced: "±", removed: "-" };

/** For a terminal: what is wrong, then what changes, then a line a stack. */
export function summary(report: CheckReport): string {
  const { stacks, base, notes, removedStacks } = report;
  const lines: string[] = [];
  for (const { stack, errors, violations, warnings } of stacks) {
    lines.push(...errors.flatMap((error) => [`${stack}: failed`, ...indented(error)]));
    lines.push(...violations.flatMap((finding) => findingLines(stack, "violates", finding)));
    lines.push(...warnings.flatMap((finding) => findingLines(stack, "warning of", finding)));
  }
  for (const each of stacks) {
    const changes = changesOf(each);
    if (changes.length > 0) lines.push(`${each.stack}, against the base:`, ...changes.flatMap(changeLines));
    if (each.comparison?.kind === "impossible")
      lines.push(`${each.stack}: the base's program fails`, ...each.comparison.errors.flatMap(indented));
    if (each.demand !== undefined)
      lines.push(...each.demand.uncounted.map((what) => `${each.stack}: not counted: ${what}`));
  }
  for (const stack of removedStacks) lines.push(`${stack}: the stack of the base is gone`);
  if (lines.length > 0) lines.push("");
  lines.push(...notes, ...(base === undefined ? [] : [`Base: ${base.name}, ${base.commit.slice(0, 12)}`]));
  return `${lines.map((line) => `${line}\n`).join("")}${table(
    COLUMNS.map((name) => name.toUpperCase()),
    stacks.map(row),
  )}`;
}

const findingLines = (stack: string, how: string, { policy, message, urn }: Finding): string[] => [
  `${stack}: ${how} ${policy}${urn === undefined ? "" : `: ${nameIn(urn)}`}`,
  ...indented(message),
];

export const nameIn = (urn: string): string => urn.split("::").at(-1) ?? urn;

const indented = (text: string): string[] => text.split("\n").map((line) => `    ${line}`);

function changeLines({ kind, type, name, properties, formerUrn }: Change): string[] {
  const former = formerUrn === undefined ? "" : `, was ${nameIn(formerUrn)}`;
  return [`  ${SIGNS[kind]} ${type} ${name}${former}`, ...properties.map((each) => `      ${propertyLine(each)}`)];
}

/** `spec.replicas: 2 → 3`. */
export function propertyLine({ path, before, after, replaces }: PropertyChange): string {
  const what = before === undefined ? `+ ${after ?? ""}` : after === undefined ? `- ${before}` : `${before} → ${after}`;
  return `${path}: ${what}${replaces ? " (forces a replacement)" : ""}`;
}
