import { Command } from "commander";
import { readSettings } from "../settings";
import { openDatabase } from "../store/database";
import { ProvenanceDebugger } from "./debugger";
import { DatabaseEvidence } from "./evidence";
import { BadProvenance } from "./file";
import { format } from "./format";

/** Exit codes: 0 all claims pass, 1 one fails, 2 the file is not what it must be. */
export function debugProvenanceCommand(): Command {
  return new Command("report:debug-provenance")
    .description("holds the claims of a report against the database and says what has changed since its snapshot")
    .argument("<file>", "the report as JSON: verification_snapshot_ts and claims_validated")
    .option("--verbose", "with what was expected and found of each claim that fails")
    .option("--json", "as one JSON document")
    .addHelpText(
      "after",
      "\nExit codes: 0 all claims pass, 1 a claim fails or the database cannot be asked, 2 the file is no provenance file\n",
    )
    .action(async (file: string, { verbose = false, json = false }: { verbose?: boolean; json?: boolean }) => {
      const settings = readSettings(process.env);
      const database = await openDatabase(settings.database);
      try {
        const debug = new ProvenanceDebugger(new DatabaseEvidence(database), settings.artifactsDir);
        const found = await debug.debugProvenance(file);
        process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : format(found, verbose));
        if (found.failed > 0) process.exitCode = 1;
      } catch (error) {
        if (!(error instanceof BadProvenance)) throw error;
        process.stderr.write(`qn: ${error.message}\n`);
        process.exitCode = 2;
      } finally {
        await database.close();
      }
    });
}
