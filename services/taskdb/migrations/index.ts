import type { Migration } from "kysely";
import * as postgres1 from "./postgres/0001-tables";
import * as postgres2 from "./postgres/0002-derived-status";
import * as postgres3 from "./postgres/0003-events";
import * as sqlite1 from "./sqlite/0001-tables";
import * as sqlite2 from "./sqlite/0002-derived-status";
import * as sqlite3 from "./sqlite/0003-events";

/** Named in code, not found on the disk, so that a bundle has them. Both backends take the same steps. */
export const postgresMigrations: Record<string, Migration> = {
  "0001-tables": postgres1,
  "0002-derived-status": postgres2,
  "0003-events": postgres3,
};

export const sqliteMigrations: Record<string, Migration> = {
  "0001-tables": sqlite1,
  "0002-derived-status": sqlite2,
  "0003-events": sqlite3,
};
