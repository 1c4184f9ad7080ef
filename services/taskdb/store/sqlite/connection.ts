import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { type Dialect, Kysely, SqliteAdapter, SqliteDialect, SqliteDriver } from "kysely";
import Libsql from "libsql";
import type { SqliteDatabase } from "../database";
import type { Schema } from "../schema";
import { JsonColumns } from "./json";

export interface SqliteOptions {
  /** Path of the file; `:memory:` is a database that ends with the connection. */
  readonly path: string;
  /**
   * How long a statement waits for another process's, in milliseconds.
   * @default 5000
   */
  readonly busyTimeoutMs?: number;
}

/** Every file of SQLite that is not empty begins with this. */
const magic = "SQLite format 3\0";

export function openSqlite({ path, busyTimeoutMs = 5000 }: SqliteOptions): SqliteDatabase {
  if (path !== ":memory:") examine(path);
  const file = new Libsql(path);
  try {
    file.exec(`PRAGMA busy_timeout = ${Math.trunc(busyTimeoutMs)}`);
    check(path, file);
    // Readers go on while one writes; a commit is on the disk before it is answered.
    for (const setting of [
      "journal_mode = WAL",
      "synchronous = FULL",
      "foreign_keys = ON",
      "recursive_triggers = ON",
    ]) {
      file.exec(`PRAGMA ${setting}`);
    }
  } catch (error) {
    file.close();
    throw error;
  }
  const db = new Kysely<Schema>({ dialect: dialect(file), plugins: [new JsonColumns()] });
  const close = async (): Promise<void> => {
    if (file.open) file.close();
  };
  return { backend: "sqlite", db, file, close };
}

/** Before SQLite touches it: what is no database stays as it is. */
function examine(path: string): void {
  if (!existsSync(path)) {
    const folder = dirname(path);
    if (!existsSync(folder))
      throw new Error(`cannot make the database ${path}: the folder ${folder} is not there; make it first`);
    return;
  }
  const { size } = statSync(path);
  if (size === 0) return;
  const start = Buffer.alloc(magic.length);
  const handle = openSync(path, "r");
  try {
    readSync(handle, start, 0, start.length, 0);
  } finally {
    closeSync(handle);
  }
  if (start.toString("latin1") !== magic) throw new Error(`${path} is no SQLite database; ${remedy}`);
}

const remedy = "put a backup in its place, or give another path. It was left as it is";

function check(path: string, file: Libsql.Database): void {
  let found: string;
  try {
    // `quick_check` reads every page but not every index; that a table and its index agree is for the doctor.
    found = (file.prepare("PRAGMA quick_check(3)").all([]) as { quick_check: string }[])
      .map((row) => row.quick_check)
      .join("; ");
  } catch (error) {
    throw new Error(`the database ${path} is corrupt (${(error as Error).message}); ${remedy}`, { cause: error });
  }
  if (found !== "ok") throw new Error(`the database ${path} is corrupt (${found}); ${remedy}`);
}

/** Every transaction is a writing one from its start, so that none fails half-way for another process's; and so are migrations. */
function dialect(file: Libsql.Database): Dialect {
  const base = new SqliteDialect({ database: file });
  return {
    createAdapter: () => new Adapter(),
    createDriver: () => new Driver(file),
    createIntrospector: (db) => base.createIntrospector(db),
    createQueryCompiler: () => base.createQueryCompiler(),
  };
}

class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** By `exec`, which leaves no statement behind: a prepared BEGIN that had to give up would be in the way of later commits. */
class Driver extends SqliteDriver {
  constructor(private readonly file: Libsql.Database) {
    super({ database: file });
  }
  override async beginTransaction(): Promise<void> {
    this.file.exec("BEGIN IMMEDIATE");
  }
  override async commitTransaction(): Promise<void> {
    this.file.exec("COMMIT");
  }
  override async rollbackTransaction(): Promise<void> {
    this.file.exec("ROLLBACK");
  }
}
