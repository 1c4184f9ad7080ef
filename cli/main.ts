import { Command } from "commander";
import { report } from "./errors";
import { clusterCommand } from "./commands/cluster";
import { doctorCommand } from "./commands/doctor";
import { imagesCommand } from "./commands/images";
import { destroyCommand, outputCommand, previewCommand, refreshCommand, upCommand } from "./commands/stack";
import { stateCommand } from "./commands/state";
import { statusCommand } from "./commands/status";
import packageJson from "../package.json";

const exitCodes = `
Exit codes:
  0    done
  1    the operation failed; nothing that it had finished is lost, run it again
  2    bad input: nothing was changed
  3    this machine lacks something; the message names it
  4    a mandatory policy was violated: nothing was changed
  130  interrupted`;

const program = new Command("ballast")
  .description(packageJson.description)
  .version(packageJson.version)
  .showHelpAfterError("(add --help for what it takes)")
  .addHelpText("after", exitCodes)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

for (const make of [
  upCommand,
  previewCommand,
  refreshCommand,
  destroyCommand,
  outputCommand,
  statusCommand,
  stateCommand,
  clusterCommand,
  imagesCommand,
  doctorCommand,
]) {
  const command = make();
  command.copyInheritedSettings(program);
  program.addCommand(command);
}

program.parseAsync().catch(report);
