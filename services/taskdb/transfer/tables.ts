import { entityKinds } from "../domain";
import { columnsOf, entities } from "../store/entities";

export type Value = string | number | null;
export type Row = Readonly<Record<string, Value>>;

export interface TransferTable {
  /** Where rows are put. */
  readonly table: string;
  /** Where they are read: of the log, archived events too. */
  readonly from: string;
  readonly key: string;
  readonly columns: readonly string[];
  readonly json: readonly string[];
  /** Rows of the log are never changed. */
  readonly appendOnly: boolean;
}

const seals = ["batch", "first_seq", "last_seq", "events", "digest", "leaves", "sealed_at"];
const keys = ["key", "request_hash", "event_seq", "event_at", "created_at"];
const events = ["seq", "at", "kind", "entity_id", "task_id", "payload", "request_id"];

/** All that is carried over, parents before children; what is derived is kept by the target's own triggers. */
export const transferTables: readonly TransferTable[] = [
  ...entityKinds.map((kind): TransferTable => {
    const { table, columns } = entities[kind];
    const json = Object.entries(columns).flatMap(([column, type]) => (type === "json" ? [column] : []));
    return { table, from: table, key: "id", columns: columnsOf(kind), json, appendOnly: false };
  }),
  { table: "events", from: "events_all", key: "seq", columns: events, json: ["payload"], appendOnly: true },
  { table: "event_seals", from: "event_seals", key: "batch", columns: seals, json: [], appendOnly: true },
  { table: "idempotency_keys", from: "idempotency_keys", key: "key", columns: keys, json: [], appendOnly: false },
];

/** The same text for the same content, however a backend writes JSON; of an event's payload each letter counts. */
export function content({ columns, json, appendOnly }: TransferTable, row: Row): string {
  return JSON.stringify(
    columns.map((column) => {
      const value = row[column];
      return typeof value === "string" && json.includes(column) && !appendOnly ? sorted(JSON.parse(value)) : value;
    }),
  );
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.entries(value)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, each]) => [name, sorted(each)]);
}
