import { Migrator, NO_MIGRATIONS } from "kysely";
import { postgresMigrations, sqliteMigrations } from "../migrations";
import type { Database } from "./database";

export interface MigrationState {
  readonly name: string;
  /** Null when it has not been applied. */
  readonly appliedAt: string | null;
}

/**
 * `up` applies what is missing, `down` takes the newest one back, `empty` all of them; each is done whole or not at all.
 * Answers with the state of all migrations after it.
 */
export async function migrate(
  database: Database,
  direction: "up" | "down" | "empty" | "status",
): Promise<MigrationState[]> {
  const migrations = database.backend === "postgres" ? postgresMigrations : sqliteMigrations;
  const migrator = new Migrator({ db: database.db, provider: { getMigrations: async () => migrations } });
  if (direction !== "status") {
    const { error, results } =
      direction === "up"
        ? await migrator.migrateToLatest()
        : direction === "down"
          ? await migrator.migrateDown()
          : await migrator.migrateTo(NO_MIGRATIONS);
    if (error !== undefined) {
      const failed = results?.find(({ status }) => status === "Error")?.migrationName;
      throw new Error(
        `${failed ? `migration ${failed}` : "the migration"} failed, nothing was changed: ${error instanceof Error ? error.message : JSON.stringify(error)}`,
        { cause: error },
      );
    }
  }
  return (await migrator.getMigrations()).map(({ name, executedAt }) => ({
    name,
    appliedAt: executedAt?.toISOString() ?? null,
  }));
}
