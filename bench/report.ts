import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { type Figure, median, ratio, reached, round } from "./figure";

const HEADER = ["figure", "median", "runs", "target", "reached", "peer", "ratio", "command", "machine", "date"];

const INTRODUCTION = `# Benchmarks

<!-- Rows are written by \`npm run bench\`, each when it is measured; do not edit. -->

Each row is the latest measurement of its figure. A peer is measured in the same run, on the same machine. The load is that of the machine's
other work when the benchmark began: figures taken beside it are slower than the machine can do.
`;

/** Processor, cores, memory, and what else was running: the load average of the minute before. */
export function machine(load = loadavg()[0] ?? 0): string {
  const [processor] = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} × ${processor?.model.trim() ?? "unknown"}, ${memory} GiB, load ${load.toFixed(1)}`;
}

export interface Measured {
  readonly figure: Figure;
  readonly command: string;
  readonly machine: string;
  readonly date: string;
}

function cells({ figure, command, machine: where, date }: Measured): string[] {
  const { name, runs, unit, peer, target, remark } = figure;
  const found = ratio(figure);
  const goal = target === undefined ? "" : `${target.of} ≤ ${target.most}${target.of === "ratio" ? "×" : ` ${unit}`}`;
  const verdict = { true: "yes", false: "**no**", undefined: "" }[
    String(reached(figure)) as "true" | "false" | "undefined"
  ];
  return [
    remark === undefined ? name : `${name} (${remark})`,
    `${round(median(runs))} ${unit}`,
    runs.map(round).join(", "),
    goal,
    verdict,
    peer === undefined ? "" : `${peer.name}: ${round(median(peer.runs))} ${unit}`,
    found === undefined ? "" : `${found.toFixed(2)}×`,
    `\`${command}\``,
    where,
    date,
  ].map((cell) => cell.replaceAll("|", "\\|"));
}

/** A row whose figure was measured at a size: its name without the size, the size, the median and its unit. */
const atSize = /^\| ([^|]*?), (?:at|of) (\d+)(?: [a-z]+)?(?: \([^|]*\))? \| ([\d.]+) (\S+) \|/;

/** A chart of each figure that was measured at three sizes or more, from the rows themselves. */
function charts(rows: readonly string[]): string[] {
  const series = new Map<string, { readonly size: number; readonly value: number; readonly unit: string }[]>();
  for (const row of rows) {
    const [, name, size, value, unit] = atSize.exec(row) ?? [];
    if (name === undefined || unit === undefined) continue;
    series.set(name, [...(series.get(name) ?? []), { size: Number(size), value: Number(value), unit }]);
  }
  return [...series]
    .filter(([, points]) => points.length >= 3)
    .map(([name, points]) => {
      const sorted = points.toSorted((left, right) => left.size - right.size);
      const list = (values: readonly number[]): string => `[${values.join(", ")}]`;
      const highest = round(Math.max(...sorted.map(({ value }) => value)) * 1.2);
      return [
        "```mermaid",
        "xychart-beta",
        `  title "${name}"`,
        `  x-axis ${list(sorted.map(({ size }) => size))}`,
        `  y-axis "${sorted[0]?.unit ?? ""}" 0 --> ${highest}`,
        `  line ${list(sorted.map(({ value }) => value))}`,
        "```",
        "",
      ].join("\n");
    });
}

const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;

/** The page with each of `measured` in place of the row of that figure, or after the last row. */
export function updated(page: string | undefined, measured: readonly Measured[]): string {
  const rows = (page ?? "")
    .split("\n")
    .filter((text) => text.startsWith("| ") && !text.startsWith("| figure ") && !text.startsWith("| --- "));
  for (const each of measured) {
    const isOld = (row: string): boolean =>
      row.startsWith(`| ${each.figure.name} |`) || row.startsWith(`| ${each.figure.name} (`);
    const place = rows.findIndex(isOld);
    if (place < 0) rows.push(line(cells(each)));
    else rows[place] = line(cells(each));
  }
  const drawn = charts(rows);
  const growth =
    drawn.length > 0 ? ["\n## Growth\n", "Each figure at its sizes, drawn from the rows above.\n", ...drawn] : [""];
  return [INTRODUCTION, line(HEADER), line(HEADER.map(() => "---")), ...rows, ...growth].join("\n");
}

export function writePage(file: string, measured: readonly Measured[]): void {
  let page: string | undefined;
  try {
    page = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  writeFileSync(file, updated(page, measured));
}

/** One figure for a terminal. */
export function summary(figure: Figure): string {
  const [name = "", value = "", runs = "", goal = "", verdict = "", peer = "", times = ""] = cells({
    figure,
    command: "",
    machine: "",
    date: "",
  });
  const parts = [
    `${name}: ${value}`,
    `runs ${runs}`,
    peer && `${peer}, ratio ${times}`,
    goal && `target ${goal}: ${verdict.replaceAll("*", "")}`,
  ];
  return parts.filter(Boolean).join("; ");
}
