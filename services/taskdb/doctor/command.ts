import { Command } from "commander";
import { readSettings } from "../settings";
import { openDatabase } from "../store/database";
import { examine } from "./doctor";
import type { DoctorReport } from "./report";

/** Exit code 0 only when all is well: what is degraded needs somebody, too. */
export function doctorCommand(): Command {
  return new Command("doctor")
    .description("holds the database against what must be true of it; changes nothing")
    .option("--full", "looks at all rows and seals of a large database, not at a sample")
    .option("--json", "as one JSON document")
    .addHelpText("after", "\nExit codes: 0 excellent, 1 degraded (a check warns) or critical (one fails)\n")
    .action(async ({ full = false, json = false }: { full?: boolean; json?: boolean }) => {
      const { database: options } = readSettings(process.env);
      const database = await openDatabase({ ...options, ...(full && { statementTimeoutMs: 0 }) });
      try {
        const report = await examine(database, { full });
        process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : format(report));
        if (report.summary.system_health !== "excellent") process.exitCode = 1;
      } finally {
        await database.close();
      }
    });
}

function format({ summary, checks }: DoctorReport): string {
  const lines = checks.flatMap(({ name, status, detail, fix }) => [
    `[${status.toUpperCase()}] ${name}: ${detail}`,
    ...(fix === null ? [] : [`        Fix: ${fix}`]),
  ]);
  const { system_health, pass, warn, fail } = summary;
  return `${[...lines, `System health: ${system_health} (${pass} pass, ${warn} warn, ${fail} fail)`].join("\n")}\n`;
}
