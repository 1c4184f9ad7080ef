import type { Database } from "../store/database";
import { derivedStatus, eventLog, idempotencyKeys, replication, schemaVersion, sequences } from "./checks";
import { orphans } from "./orphans";
import { type Check, type DoctorReport, healthOf } from "./report";

export interface ExamineOptions {
  /**
   * Looks at all rows and seals, however many there are.
   * @default a sample of what is large, whose size the check names
   */
  readonly full?: boolean;
}

/** Holds the database against what must be true of it; changes nothing. */
export async function examine(database: Database, { full = false }: ExamineOptions = {}): Promise<DoctorReport> {
  const { backend, db } = database;
  const generated_at = `${new Date().toISOString().slice(0, -1)}000Z`;
  const checks: Check[] = [await schemaVersion(database)];
  let lost = 0;
  // Of a schema of another release the rest could not be asked.
  if (healthOf(checks) === "excellent") {
    const found = await orphans(db, full);
    lost = found.reduce((sum, each) => sum + each.orphans, 0);
    checks.push(
      ...found.map((each) => each.check),
      await eventLog(db, full, generated_at),
      await derivedStatus(db, full),
      await sequences(database),
      await idempotencyKeys(database),
      await replication(database),
    );
  }
  const count = (status: Check["status"]) => checks.filter((each) => each.status === status).length;
  return {
    generated_at,
    backend,
    full,
    summary: {
      system_health: healthOf(checks),
      pass: count("pass"),
      warn: count("warn"),
      fail: count("fail"),
      orphans: lost,
    },
    checks,
  };
}
