import { against, COLUMNS, row } from "./amounts";
import { type Change, changesOf, type CheckReport, type Finding, type StackReport, worst } from "./report";
import { propertyLine } from "./summary";

/** The first line, by which a bot finds the comment that it has to bring up to date. */
export const MARKER = "<!-- ballast-check -->";
/** GitHub takes no more in a comment; characters. */
const MOST = 65_000;

const HEADINGS = {
  passed: "every stack passes",
  violated: "a policy is violated",
  failed: "a stack cannot be previewed",
} as const;

/** A comment for a pull request. */
export function markdown(report: CheckReport): string {
  const { stacks, base, notes, removedStacks } = report;
  const parts = [
    `${MARKER}\n### \`ballast check\`: ${HEADINGS[worst(stacks)]}\n`,
    tableOf(COLUMNS, stacks.map(row)),
    ...removedStacks.map((stack) => `The stack ${code(stack)} of the base is gone.\n`),
    ...notes.map((note) => `${escaped(note)}\n`),
    ...(base === undefined ? [] : [`Compared with ${escaped(base.name)}, ${base.commit.slice(0, 12)}.\n`]),
    ...stacks.flatMap(details),
  ];
  return whole(parts);
}

function details(report: StackReport): string[] {
  const { stack, errors, violations, warnings, demand, comparison } = report;
  const changes = changesOf(report);
  const findings = (list: readonly Finding[]): string =>
    tableOf(
      ["policy", "resource", "what is wrong"],
      list.map(({ policy, urn, message }) => [code(policy), urn === undefined ? "" : code(shortUrn(urn)), message]),
    );
  const failures = comparison?.kind === "impossible" ? comparison.errors : [];
  return [
    ...errors.map((error) => folded(`${stack}: failed`, fenced(error), true)),
    ...(violations.length > 0
      ? [folded(`${stack}: ${count(violations, "violation")}`, findings(violations), true)]
      : []),
    ...(warnings.length > 0 ? [folded(`${stack}: ${count(warnings, "warning")}`, findings(warnings))] : []),
    ...(changes.length > 0 ? [folded(`${stack}: ${against(report)}`, changesTable(changes))] : []),
    ...failures.map((error) => folded(`${stack}: the base's program fails`, fenced(error))),
    ...(demand !== undefined && demand.uncounted.length > 0
      ? [folded(`${stack}: what is not counted`, demand.uncounted.map((what) => `- ${escaped(what)}\n`).join(""))]
      : []),
  ];
}

function changesTable(changes: readonly Change[]): string {
  return tableOf(
    ["", "resource", "properties"],
    changes.map(({ kind, urn, formerUrn, properties }) => [
      kind,
      `${code(shortUrn(urn))}${formerUrn === undefined ? "" : ` was ${code(shortUrn(formerUrn))}`}`,
      properties.map((each) => code(propertyLine(each))).join("<br>"),
    ]),
  );
}

/** Type and name: the stack and the project are known, and the types of the parents tell little. */
function shortUrn(urn: string): string {
  const [, , types = "", ...name] = urn.split("::");
  return `${types.split("$").at(-1) ?? types} ${name.join("::")}`;
}

const count = (list: readonly unknown[], what: string): string =>
  `${list.length} ${what}${list.length === 1 ? "" : "s"}`;

const folded = (title: string, content: string, open = false): string =>
  `<details${open ? " open" : ""}><summary>${escaped(title)}</summary>\n\n${content}\n</details>\n`;

const fenced = (text: string): string => `~~~~text\n${text.replaceAll("~~~~", "~~~ ")}\n~~~~\n`;

/** Text that cannot become markup, mention anybody or leave its cell. Code spans that are there already stay. */
const escaped = (text: string): string =>
  text.replace(/[&<>|@#*_[\]\\]/g, (sign) => `&#${sign.codePointAt(0) ?? 0};`).replaceAll("\n", " ");

const code = (text: string): string => `<code>${escaped(text)}</code>`;

function tableOf(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => (text.startsWith("<code>") ? text : escaped(text));
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |\n`;
  return `${line(header)}${line(header.map(() => "---"))}${rows.map(line).join("")}\n`;
}

/** As many parts as go into one comment, from the first on; the verdict and its table come first. */
function whole(parts: readonly string[]): string {
  let text = "";
  for (const part of parts) {
    if (text.length + part.length > MOST) return `${text}\nThere is more: run \`ballast check\` for all of it.\n`;
    text += `${part}\n`;
  }
  return text;
}
