import { examine } from "../doctor/doctor";
import type { DoctorReport } from "../doctor/report";
import type { Report } from "../domain";
import { ProvenanceDebugger, type Verification } from "../provenance/debugger";
import { DatabaseEvidence } from "../provenance/evidence";
import type { Database } from "../store/database";
import { unavailable as postgresUnavailable } from "../store/postgres/failure";
import { unavailable as sqliteUnavailable } from "../store/sqlite/failure";

/** What looks past the store, into the database and the artifacts' folder. */
export interface Checks {
  verify(report: Report): Promise<Verification>;
  examine(): Promise<DoctorReport>;
}

export function checksOf(database: Database, artifactsDir: string): Checks {
  const unavailable = database.backend === "postgres" ? postgresUnavailable : sqliteUnavailable;
  const attempt = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw unavailable(error) ?? error;
    }
  };
  const provenance = new ProvenanceDebugger(new DatabaseEvidence(database), artifactsDir);
  return {
    verify: (report) => attempt(provenance.debugReport(report)),
    examine: () => attempt(examine(database)),
  };
}
