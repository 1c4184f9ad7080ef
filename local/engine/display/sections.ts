import type { DiagnosticEvent, Model, PolicyEvent } from "./model";
import { nameIn, typeIn } from "./model";
import { countedAs, seconds, signOf, type Style, wordingOf } from "./operations";
import type { Paint } from "./tree";
import { properties } from "./values";

const INDENT = "    ";
const indented = (text: string, indent: string): string[] =>
  text.split("\n").map((line) => `${indent}${line}`.trimEnd());

const SEVERITY_STYLE: Readonly<Record<string, Style>> = { error: "red", warning: "yellow", info: "cyan" };

export function diagnosticLines({ severity, message }: DiagnosticEvent, indent: string, paint: Paint): string[] {
  const [first = "", ...rest] = message.trimEnd().split("\n");
  const style = SEVERITY_STYLE[severity];
  const prefix = style === undefined || severity === "info" ? "" : `${paint(style, `${severity}:`)} `;
  return [`${indent}${prefix}${first}`, ...rest.map((line) => `${indent}${line}`.trimEnd())];
}

/** By resource, in the order in which they came; those of no resource belong to the stack. */
export function diagnosticsSection(model: Model, paint: Paint): string[] {
  if (model.diagnostics.length === 0) return [];
  const groups = new Map<string, DiagnosticEvent[]>();
  for (const diagnostic of model.diagnostics) {
    const key = diagnostic.urn ?? "";
    groups.set(key, [...(groups.get(key) ?? []), diagnostic]);
  }
  const lines = [paint("bold", "Diagnostics:")];
  for (const [urn, diagnostics] of groups) {
    lines.push(`  ${urn === "" ? (model.prelude?.stack ?? "stack") : `${typeIn(urn)} (${nameIn(urn)})`}:`);
    for (const diagnostic of diagnostics) lines.push(...diagnosticLines(diagnostic, INDENT, paint));
    lines.push("");
  }
  return lines;
}

export function policyLines(event: PolicyEvent, indent: string, paint: Paint): string[] {
  const style: Style = event.level === "mandatory" ? "red" : event.level === "advisory" ? "yellow" : "cyan";
  const severity = event.severity === undefined ? "" : ` ${event.severity}`;
  const subject = event.urn === undefined ? "" : `  (${typeIn(event.urn)}: ${nameIn(event.urn)})`;
  return [
    `${indent}- ${paint(style, `[${event.level}${severity}]`)} ${event.policy}${subject}`,
    ...indented(event.message.trimEnd(), `${indent}  `),
  ];
}

export function policiesSection(model: Model, paint: Paint): string[] {
  if (model.policies.length === 0) return [];
  const lines = [paint("bold", "Policies:")];
  const rank = { mandatory: 0, advisory: 1, remediate: 2 };
  for (const pack of new Set(model.policies.map((event) => event.pack))) {
    const events = model.policies.filter((event) => event.pack === pack);
    const failed = events.some(({ level }) => level === "mandatory");
    lines.push(`  ${failed ? paint("red", "✖") : paint("yellow", "!")} ${pack}`);
    for (const event of [...events].sort((a, b) => rank[a.level] - rank[b.level])) {
      lines.push(...policyLines(event, INDENT, paint));
    }
  }
  return [...lines, ""];
}

export function outputsSection(model: Model, showSecrets: boolean, paint: Paint): string[] {
  if (!model.outputs || Object.keys(model.outputs).length === 0) return [];
  return [paint("bold", "Outputs:"), ...properties(model.outputs, INDENT, showSecrets), ""];
}

export function summarySection(model: Model, paint: Paint): string[] {
  const { summary } = model;
  if (!summary) return [];
  const { changes, dryRun, durationMs, result } = summary;
  const lines = [paint("bold", "Resources:")];
  const counted = Object.entries(changes).filter(([op, count]) => count > 0 && op !== "same" && op !== "read");
  for (const [op, count] of counted) {
    const style = isKnown(op) ? wordingOf(op).style : "dim";
    lines.push(`${INDENT}${paint(style, `${signOf(op)} ${count} ${countedAs(op, dryRun)}`)}`);
  }
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  const unchanged = changes.same ?? 0;
  const tail = [
    ...(counted.length > 1 ? [`${total} changes`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(changes.read === undefined ? [] : [`${changes.read} read`]),
  ];
  if (tail.length > 0) lines.push(`${INDENT}${tail.join(". ")}`);
  if (lines.length === 1) lines.push(`${INDENT}none`);
  lines.push("", `${paint("bold", "Duration:")} ${seconds(durationMs)}`);
  if (result !== "succeeded") {
    const what = (dryRun ? "preview" : (model.prelude?.operation ?? "run")).replace(/^./, (letter) =>
      letter.toUpperCase(),
    );
    lines.push("", paint("red", `${what} ${result === "failed" ? "failed" : "was canceled"}.`));
  }
  return lines;
}

const isKnown = (op: string): op is Parameters<typeof wordingOf>[0] => signOf(op) !== "  ";

const GERUNDS: Readonly<Record<string, string>> = {
  preview: "Previewing",
  update: "Updating",
  up: "Updating",
  refresh: "Refreshing",
  destroy: "Destroying",
  import: "Importing",
};

/** `Previewing update (dev)`. */
export function title(model: Model): string {
  const { operation = "run", stack = "", dryRun = false } = model.prelude ?? {};
  if (dryRun && operation !== "preview") return `Previewing ${operation} (${stack})`;
  return `${GERUNDS[operation] ?? operation} (${stack})`;
}
