import canonicalize from "canonicalize";
import { artifact, type EntityKind, gate, report, run, task } from "../domain";

/** Tables that the event log brings back, parents before children, with the columns in the domain's order. */
export const entityTables = [
  { kind: "task", table: "tasks", columns: Object.keys(task.shape) },
  { kind: "run", table: "runs", columns: Object.keys(run.shape) },
  { kind: "gate", table: "gates", columns: Object.keys(gate.shape) },
  { kind: "artifact", table: "artifacts", columns: Object.keys(artifact.shape) },
  { kind: "report", table: "reports", columns: Object.keys(report.shape) },
] as const satisfies readonly { kind: EntityKind; table: string; columns: readonly string[] }[];
export type EntityTable = (typeof entityTables)[number]["table"];

/** Columns that hold a JSON document; no two tables use one name for different things. */
export const jsonColumns: ReadonlySet<string> = new Set([
  "dependencies",
  "metadata",
  "tool_calls",
  "metrics",
  "checks",
  "claims_validated",
]);
const numberColumns: ReadonlySet<string> = new Set(["size_bytes"]);

/** The canonical JSON (RFC 8785) of a row: the same text from either backend, however it keeps its values. */
export function canonicalRow(table: EntityTable, row: Readonly<Record<string, unknown>>): string {
  const columns = entityTables.find((each) => each.table === table)?.columns ?? [];
  const values = columns.map((column) => {
    const value = row[column];
    if (value === undefined) throw new Error(`a row of ${table} comes without its column ${column}`);
    if (typeof value === "string" && jsonColumns.has(column)) return [column, JSON.parse(value) as unknown];
    if (typeof value === "string" && numberColumns.has(column)) return [column, Number(value)];
    return [column, value];
  });
  return canonicalize(Object.fromEntries(values)) ?? "";
}
