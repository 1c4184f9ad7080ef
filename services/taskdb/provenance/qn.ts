import { Command } from "commander";
import { debugProvenanceCommand } from "./command";

/** `qn`, the command that the requirements name. A wrong command line is bad input as well: exit code 2. */
const program = new Command("qn")
  .description("provenance of the task database's reports")
  .addCommand(debugProvenanceCommand())
  .exitOverride();
for (const command of program.commands) command.exitOverride();

program.parseAsync().catch((error: unknown) => {
  const { code = "", exitCode } = error as { code?: string; exitCode?: number };
  if (code.startsWith("commander.")) {
    process.exitCode = exitCode === 0 ? 0 : 2;
    return;
  }
  process.stderr.write(`qn: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
