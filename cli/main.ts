import { Command } from "commander";
import packageJson from "../package.json";
import { chaosCommand } from "./commands/chaos";
import { checkCommand } from "./commands/check";
import { clusterCommand } from "./commands/cluster";
import { doctorCommand } from "./commands/doctor";
import { driftCommand } from "./commands/drift";
import { gamedayCommand } from "./commands/gameday";
import { imagesCommand } from "./commands/images";
import { loadCommand } from "./commands/load";
import { renderCommand } from "./commands/render";
import { destroyCommand, outputCommand, previewCommand, refreshCommand, upCommand } from "./commands/stack";
import { stateCommand } from "./commands/state";
import { statusCommand } from "./commands/status";
import { exit, exitCodeHelp, report } from "./errors";

const program = new Command("ballast")
  .description(packageJson.description)
  .version(packageJson.version)
  // A subcommand's option of the same name as its command's is its own.
  .enablePositionalOptions()
  .showHelpAfterError("(add --help for what it takes)")
  .addHelpText("after", exitCodeHelp);

const commands = [
  upCommand(),
  previewCommand(),
  refreshCommand(),
  destroyCommand(),
  outputCommand(),
  statusCommand(),
  checkCommand(),
  driftCommand(),
  renderCommand(),
  stateCommand(),
  clusterCommand(),
  imagesCommand(),
  loadCommand(),
  chaosCommand(),
  gamedayCommand(),
  doctorCommand(),
];
for (const command of commands) program.addCommand(command);

/** Commander's own code for a wrong command line is 1, which here means that the operation failed. */
function usageErrors(command: Command): void {
  command.exitOverride((error) => process.exit(error.exitCode === 0 ? exit.done : exit.usage));
  command.copyInheritedSettings(program);
  command.commands.forEach(usageErrors);
}
usageErrors(program);

program.parseAsync().catch(report);
