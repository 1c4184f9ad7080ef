import { isIdle, cut, seconds, type Style, wordingOf } from "./operations";
import type { Model, Row } from "./model";

export type Paint = (style: Style | "bold", text: string) => string;

const GAP = 2;

/** Rows worth showing when a run has ended: what changed, failed or has something said of it. */
export function notable(model: Model): Set<string> {
  const urns = new Set<string>();
  for (const row of model.rows.values()) {
    if (!isIdle(row.op) || row.phase === "failed" || row.errors > 0 || row.warnings > 0) urns.add(row.urn);
  }
  for (const { urn } of model.policies) if (urn !== undefined && model.rows.has(urn)) urns.add(urn);
  return urns;
}

/** Rows for a live view of at most `height` lines: those under way, then failures, then what ended last. */
export function active(model: Model, height: number): Set<string> {
  const rows = [...model.rows.values()];
  const ranked = [
    ...rows.filter((row) => row.phase === "failed"),
    ...rows.filter((row) => row.phase === "running" && row.op !== "same"),
    ...rows.filter((row) => row.phase === "done" && !isIdle(row.op)).sort((a, b) => b.endedAt - a.endedAt),
  ];
  const chosen = new Set<string>();
  for (const row of ranked) {
    const needed = [row, ...ancestors(model, row)].filter(({ urn }) => !chosen.has(urn));
    if (chosen.size + needed.length > height) {
      if (row.phase === "done") break;
      continue;
    }
    for (const { urn } of needed) chosen.add(urn);
  }
  return chosen;
}

function ancestors(model: Model, row: Row): Row[] {
  const found: Row[] = [];
  let parent = row.parent === undefined ? undefined : model.rows.get(row.parent);
  while (parent && !found.includes(parent)) {
    found.push(parent);
    parent = parent.parent === undefined ? undefined : model.rows.get(parent.parent);
  }
  return found;
}

interface Line {
  readonly row: Row;
  /** The lines of the tree before the type. */
  readonly branch: string;
}

function ordered(model: Model, shown: ReadonlySet<string>): Line[] {
  const wanted = new Set(shown);
  for (const urn of shown) {
    const row = model.rows.get(urn);
    if (row) for (const ancestor of ancestors(model, row)) wanted.add(ancestor.urn);
  }
  const children = new Map<string | undefined, Row[]>();
  for (const urn of model.rows.keys()) {
    const row = wanted.has(urn) ? model.rows.get(urn) : undefined;
    if (!row) continue;
    const parent =
      row.parent !== undefined && wanted.has(row.parent) && row.parent !== row.urn ? row.parent : undefined;
    children.set(parent, [...(children.get(parent) ?? []), row]);
  }
  const lines: Line[] = [];
  const walk = (row: Row, branch: string, below: string): void => {
    lines.push({ row, branch });
    const list = children.get(row.urn) ?? [];
    list.forEach((child, index) => {
      const last = index === list.length - 1;
      walk(child, `${below}${last ? "└─ " : "├─ "}`, `${below}${last ? "   " : "│  "}`);
    });
  };
  const roots = children.get(undefined) ?? [];
  // The stack first: what has no parent hangs below it in people's minds.
  const isStack = (row: Row): number => (row.type === "pulumi:pulumi:Stack" ? 0 : 1);
  for (const root of [...roots].sort((a, b) => isStack(a) - isStack(b))) walk(root, "", "");
  return lines;
}

function statusOf(row: Row, dryRun: boolean, now: number): string {
  const { plan, running, done } = wordingOf(row.op);
  if (row.phase === "failed") return `${dryRun ? plan : running || "checking"} failed`.trim();
  if (dryRun) return plan;
  if (row.phase === "running") return running === "" ? "" : `${running} (${seconds(now - row.startedAt)})`;
  return done === "" ? "" : `${done} (${seconds(row.endedAt - row.startedAt)})`;
}

function infoOf(row: Row): string {
  const parts: string[] = [];
  if (row.failure !== "") parts.push(row.failure.split("\n")[0] ?? "");
  else if (row.phase === "running") parts.push(row.status);
  if (row.changes !== "" && row.failure === "") parts.push(`[diff: ${row.changes}]`);
  if (row.errors > 0 && row.failure === "") parts.push(`${row.errors} error${row.errors === 1 ? "" : "s"}`);
  if (row.warnings > 0) parts.push(`${row.warnings} warning${row.warnings === 1 ? "" : "s"}`);
  return parts.filter((part) => part !== "").join("; ");
}

/** The rows of `shown` and their ancestors as a table, no line longer than `width` - 1. */
export function treeLines(
  model: Model,
  shown: ReadonlySet<string>,
  width: number,
  now: number,
  paint: Paint,
): string[] {
  const lines = ordered(model, shown);
  if (lines.length === 0) return [];
  const cells = lines.map(({ row, branch }) => ({
    row,
    type: branch + row.type,
    name: row.name,
    status: statusOf(row, model.dryRun, now),
    info: infoOf(row),
  }));
  const widest = (title: string, texts: string[]): number =>
    Math.max(title.length, ...texts.map((text) => [...text].length));
  const room = Math.max(20, width - 1 - 4);
  const statusWidth = Math.min(
    widest(
      "Status",
      cells.map(({ status }) => status),
    ),
    Math.floor(room / 4),
  );
  const left = room - statusWidth - 2 * GAP;
  const typeWanted = widest(
    "Type",
    cells.map(({ type }) => type),
  );
  const nameWanted = widest(
    "Name",
    cells.map(({ name }) => name),
  );
  // A type says more by its end than a name does, but both have to fit.
  const nameWidth = Math.min(nameWanted, Math.max(left - typeWanted, Math.floor(left * 0.4)));
  const typeWidth = Math.min(typeWanted, Math.max(4, left - nameWidth));
  const infoWidth = room - typeWidth - nameWidth - statusWidth - 3 * GAP;
  const pad = (text: string, size: number): string => {
    const short = cut(text, size);
    return short + " ".repeat(size - [...short].length);
  };
  const gap = " ".repeat(GAP);
  const layout = (sign: string, type: string, name: string, status: string, info: string): string =>
    [`${sign} ${type}`, name, status, ...(info === "" ? [] : [info])].join(gap).trimEnd();
  const head = layout(
    "   ",
    pad("Type", typeWidth),
    pad("Name", nameWidth),
    pad("Status", statusWidth),
    infoWidth < 6 ? "" : "Info",
  );
  return [
    paint("bold", head),
    ...cells.map(({ row, type, name, status, info }) => {
      const { sign, style } = wordingOf(row.op);
      const tone = row.phase === "failed" ? "red" : style;
      return layout(
        ` ${paint(tone, sign)}`,
        pad(type, typeWidth),
        pad(name, nameWidth),
        paint(tone, pad(status, statusWidth)),
        infoWidth < 6 ? "" : cut(info, infoWidth),
      );
    }),
  ];
}
