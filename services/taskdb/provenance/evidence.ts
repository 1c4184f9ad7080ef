import { type RawBuilder, sql } from "kysely";
import type { Database } from "../store/database";

/** What the database knows of a task or run, now and at a snapshot. */
export interface Entry {
  readonly id: string;
  /** Null when it is not there now. */
  readonly current: string | null;
  /** Its last event up to the snapshot; null when there was none yet. */
  readonly then: { readonly deleted: boolean; readonly status: string } | null;
}

export interface StoredFile {
  readonly sha256: string;
  /** Below the folder of artifacts. */
  readonly path: string;
  readonly created_at: string;
}

/** Where a debugger takes what it holds claims against; each is one round trip, however many are asked for. */
export interface Evidence {
  entries(table: "tasks" | "runs", ids: readonly string[], at: string): Promise<readonly Entry[]>;
  /** Artifacts of these contents, the oldest first. */
  files(hashes: readonly string[]): Promise<readonly StoredFile[]>;
}

/** From the tables, and for what was then from the event log. */
export class DatabaseEvidence implements Evidence {
  constructor(private readonly database: Database) {}

  async entries(table: "tasks" | "runs", ids: readonly string[], at: string): Promise<Entry[]> {
    const uuid = this.database.backend === "postgres" ? sql.raw("uuid") : sql.raw("text");
    const { rows } = await sql<{ id: string; current: string | null; past: string | null }>`
      SELECT w.id, (SELECT t.status FROM ${sql.id(table)} t WHERE t.id = w.id) AS current,
        (SELECT e.kind || ' ' || (e.payload ->> 'status') FROM events_all e
          WHERE e.entity_id = w.id AND e.at <= ${at} ORDER BY e.seq DESC LIMIT 1) AS past
      FROM (${this.list(ids, uuid)}) w`.execute(this.database.db);
    return rows.map(({ id, current, past }) => {
      const [event = "", status = ""] = past?.split(" ") ?? [];
      return { id, current, then: past === null ? null : { deleted: event.endsWith(".deleted"), status } };
    });
  }

  async files(hashes: readonly string[]): Promise<StoredFile[]> {
    const text = this.database.backend === "postgres" ? sql.raw("char(64)") : sql.raw("text");
    const { rows } = await sql<StoredFile>`
      SELECT a.sha256, a.path, a.created_at FROM artifacts a
      WHERE a.sha256 IN (SELECT id FROM (${this.list(hashes, text)}) w) ORDER BY a.created_at, a.id`.execute(
      this.database.db,
    );
    return rows;
  }

  private list(values: readonly string[], type: RawBuilder<unknown>): RawBuilder<unknown> {
    return this.database.backend === "postgres"
      ? sql`SELECT unnest(${values}::${type}[]) AS id`
      : sql`SELECT value AS id FROM json_each(${JSON.stringify(values)})`;
  }
}
