import { Unavailable } from "../store";

const reasons: Readonly<Record<string, string>> = {
  SQLITE_BUSY: "another process writes to the file; try again",
  SQLITE_LOCKED: "another process writes to the file; try again",
  SQLITE_FULL: "the disk is full",
  SQLITE_IOERR: "the disk could not be read or written",
  SQLITE_READONLY: "the file is read-only",
  SQLITE_CORRUPT: "the file is corrupt; put a backup in its place",
  SQLITE_NOTADB: "the file is no database any more; put a backup in its place",
};

/** The error for the caller, when the file is at fault and not the statement. A transaction that failed is rolled back. */
export function unavailable(error: unknown): Unavailable | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  const { code } = error;
  const known = Object.keys(reasons).find((name) => code === name || code.startsWith(`${name}_`));
  return known === undefined
    ? undefined
    : new Unavailable(`SQLite cannot answer now: ${reasons[known]}`, false, { cause: error });
}
