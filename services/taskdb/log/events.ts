import { type Kysely, sql } from "kysely";
import type { Schema } from "../store/schema";
import type { LoggedEvent } from "./leaf";

/** Rows to a page: what is held in memory at once, however long the log is. */
export const pageRows = 250;

export interface Range {
  /**
   * Events after this position.
   * @default from the first one
   */
  readonly after?: number;
  /**
   * Events up to this position, itself included.
   * @default to the last one
   */
  readonly upTo?: number;
}

/** The log in its order, archived events too, page by page; a transaction of the caller's makes it a snapshot. */
export async function* readEvents(db: Kysely<Schema>, { after = 0, upTo }: Range = {}): AsyncGenerator<LoggedEvent> {
  for (let last = after; ;) {
    const rows = await readPage(db, { after: last, upTo });
    yield* rows;
    const end = rows.at(-1);
    if (!end || rows.length < pageRows) return;
    last = end.seq;
  }
}

async function readPage(db: Kysely<Schema>, { after, upTo }: Range): Promise<LoggedEvent[]> {
  const { rows } = await sql<Omit<LoggedEvent, "payload"> & { payload_text: string }>`
    SELECT seq, at, kind, entity_id, task_id, CAST(payload AS text) AS payload_text, request_id
    FROM events_all
    WHERE seq > ${after} ${upTo === undefined ? sql.raw("") : sql`AND seq <= ${upTo}`}
    ORDER BY seq LIMIT ${pageRows}`.execute(db);
  return rows.map(({ payload_text: payload, ...event }) => ({ ...event, payload }));
}
