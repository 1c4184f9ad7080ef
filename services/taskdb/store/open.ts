import { sealEvents } from "../log/seal";
import { type Database, type DatabaseOptions, openDatabase } from "./database";
import { PostgresWriter } from "./postgres/writer";
import { SqlStore, type StoreOptions } from "./sql";
import { SqliteWriter } from "./sqlite/writer";
import type { TaskStore } from "./store";

/** Opens a database that has been migrated; the store's `close` closes it. */
export async function openStore(options: DatabaseOptions & StoreOptions): Promise<TaskStore> {
  return createStore(await openDatabase(options), options);
}

export function createStore(database: Database, options: StoreOptions = {}): TaskStore {
  const writer =
    database.backend === "postgres"
      ? new PostgresWriter(database.db, database.pool.options.connectionTimeoutMillis ?? 0, options.onRefresh)
      : new SqliteWriter(database.db, options.clock);
  return new SqlStore(database, writer, { seal: sealEvents, ...options });
}
