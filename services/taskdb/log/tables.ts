import canonicalize from "canonicalize";
import { type EntityKind, entityKinds } from "../domain";
import { columnsOf, entities } from "../store/entities";

/** Tables that the event log brings back, parents before children. */
export const entityTables = entityKinds.map((kind) => ({
  kind,
  table: entities[kind].table,
  columns: columnsOf(kind),
}));

/** The canonical JSON (RFC 8785) of a row: the same text from either backend, however it keeps its values. */
export function canonicalRow(kind: EntityKind, row: Readonly<Record<string, unknown>>): string {
  const { table, columns } = entities[kind];
  const values = Object.entries(columns).map(([column, type]) => {
    const value = row[column];
    if (value === undefined) throw new Error(`a row of ${table} comes without its column ${column}`);
    if (typeof value === "string" && type === "json") return [column, JSON.parse(value) as unknown];
    if (typeof value === "string" && type === "number") return [column, Number(value)];
    return [column, value];
  });
  return canonicalize(Object.fromEntries(values)) ?? "";
}
