import type Libsql from "libsql";
import type { Kysely } from "kysely";
import type { Pool } from "pg";
import { openPostgres, type PostgresOptions } from "./postgres/connection";
import type { Schema } from "./schema";
import type { SqliteOptions } from "./sqlite/connection";

export type DatabaseOptions =
  (PostgresOptions & { readonly backend: "postgres" }) | (SqliteOptions & { readonly backend: "sqlite" });

export interface PostgresDatabase {
  readonly backend: "postgres";
  readonly db: Kysely<Schema>;
  /** For what the query builder has no words for, as COPY. */
  readonly pool: Pool;
  close(): Promise<void>;
}

export interface SqliteDatabase {
  readonly backend: "sqlite";
  readonly db: Kysely<Schema>;
  readonly file: Libsql.Database;
  close(): Promise<void>;
}

export type Database = PostgresDatabase | SqliteDatabase;

/** PostgreSQL is reached at the first statement, not here; a file of SQLite is opened and examined at once. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.backend === "postgres") return openPostgres(options);
  // Its native library is in no image: there the database is PostgreSQL.
  const { openSqlite } = await import("./sqlite/connection.js");
  return openSqlite(options);
}
