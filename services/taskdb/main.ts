import { Command } from "commander";
import { Metrics } from "./api/metrics";
import { Service } from "./api/service";
import { doctorCommand } from "./doctor/command";
import { generateCommand } from "./generate/command";
import { exportHashCommand, rebuildCommand, sealCommand, verifyCommand } from "./log/commands";
import { readSettings, settingsHelp } from "./settings";
import { openDatabase } from "./store/database";
import { migrate } from "./store/migrate";
import { createStore } from "./store/open";
import { transferCommand } from "./transfer/command";

/** The task database's one program: the service, and the tools over its data. */

const program = new Command("taskdb")
  .description("Task database: tasks, runs, gates, artifacts and reports, each change in an event log")
  .addHelpText("after", settingsHelp);

program
  .command("serve")
  .description("answers requests until SIGTERM")
  .addHelpText("after", settingsHelp)
  .action(async () => {
    const settings = readSettings(process.env);
    const metrics = new Metrics();
    metrics.watchProcess();
    const database = await openDatabase(settings.database);
    if (database.backend === "postgres") {
      const { pool } = database;
      metrics.watchPool(() => ({ total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }));
    }
    const store = createStore(database, {
      ...settings.upkeep,
      onRefresh: (microseconds) => metrics.statusRefreshed(microseconds),
    });
    await Service.start({ settings, database, store, metrics });
  });

/** A step over tables that are full takes longer than any request may. */
const migrationMs = 600_000;
const directions = { up: "applies what is missing", down: "takes the newest one back", status: "lists them" } as const;
const migrations = program.command("migrate").description("migrations of the database's schema");
for (const [name, description] of Object.entries(directions)) {
  migrations
    .command(name)
    .description(description)
    .addHelpText("after", settingsHelp)
    .action(async () => {
      const options = readSettings(process.env).database;
      const database = await openDatabase(
        options.backend === "postgres" ? { ...options, statementTimeoutMs: migrationMs } : options,
      );
      try {
        for (const { name: step, appliedAt } of await migrate(database, name as keyof typeof directions)) {
          console.log(`${step}  ${appliedAt ?? "not applied"}`);
        }
      } finally {
        await database.close();
      }
    });
}

for (const tool of [
  generateCommand(),
  transferCommand(),
  doctorCommand(),
  exportHashCommand(),
  verifyCommand(),
  sealCommand(),
  rebuildCommand(),
])
  program.addCommand(tool.addHelpText("after", settingsHelp));

program.parseAsync().catch((error: unknown) => {
  console.error(`taskdb: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
