import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { Command } from "commander";
import type { ExportedState } from "../../local/engine/state";
import { openBackend } from "../backend";
import { CommandError } from "../errors";
import { printJson } from "../place";
import { stackArgument } from "../options";

export function stateCommand(): Command {
  const command = new Command("state").description("the state of stacks, in the layout of Pulumi's own file backend");
  command
    .command("list")
    .description("the stacks that have a state")
    .option("--json", "as one JSON document")
    .action(async ({ json }: { json?: boolean }) => {
      const stacks = await (await openBackend()).listStacks();
      if (json) return printJson(stacks);
      for (const stack of stacks) {
        process.stdout.write(`${stack.name}\t${stack.resources} resources\t${stack.updated ?? "never updated"}\n`);
      }
    });
  command
    .command("export")
    .description("prints the state as `pulumi stack export` does")
    .addArgument(stackArgument())
    .option("--show-secrets", "with secrets in clear")
    .action(async (stack: string, { showSecrets }: { showSecrets?: boolean }) => {
      const backend = await openBackend(stack);
      printJson(await backend.exportState(stack, { showSecrets: showSecrets === true }));
    });
  command
    .command("import")
    .description("replaces the state by an exported one; the old one is kept as a backup")
    .addArgument(stackArgument())
    .option("--file <file>", "where the exported state is (default: standard input)")
    .option("--force", "also when it is of another stack, or not consistent")
    .action(async (stack: string, { file, force }: { file?: string; force?: boolean }) => {
      const content = file === undefined ? await text(process.stdin) : await readFile(file, "utf8");
      const backend = await openBackend(stack);
      await backend.importState(stack, parse(content, file ?? "standard input"), { force: force === true });
    });
  command
    .command("cancel")
    .description("releases the stack's lock, after making sure that no run holds it any more")
    .addArgument(stackArgument())
    .action(async (stack: string) => {
      const released = await (await openBackend(stack)).cancel(stack);
      process.stdout.write(released.length > 0 ? `released: ${released.join("; ")}\n` : `${stack} was not locked\n`);
    });
  command
    .command("remove")
    .description("forgets a stack that has no resources")
    .addArgument(stackArgument())
    .option("--force", "also one that has: they are left where they are, and nothing knows them any more")
    .action(async (stack: string, { force }: { force?: boolean }) => {
      await (await openBackend(stack)).removeStack(stack, { force: force === true });
    });
  return command;
}

function parse(content: string, place: string): ExportedState {
  try {
    return JSON.parse(content) as ExportedState;
  } catch (error) {
    throw new CommandError(`${place} is not JSON: ${(error as Error).message}`);
  }
}
