import { resolve } from "node:path";
import { Command } from "commander";
import { declare } from "../../local/engine/declare";
import { CommandError } from "../errors";
import { stackArgument } from "../options";
import { interruptible, printJson, root } from "../place";
import { checkFolder, writeFolder } from "../render/folder";
import { manifestsOf } from "../render/manifests";

interface Flags {
  dir: string;
  force?: boolean;
  json?: boolean;
}

export const renderCommand = (): Command =>
  new Command("render")
    .description(
      "writes the stack's objects as plain manifests that kubectl applies, secrets left out; no cluster is needed",
    )
    .addArgument(stackArgument())
    .requiredOption("--dir <dir>", "the folder to write them to")
    .option("--force", "into a folder that is not empty: what an earlier render wrote there is replaced")
    .option("--json", "what was written and left out, as one JSON document")
    .action(run);

async function run(stack: string, { dir, force, json }: Flags): Promise<void> {
  const folder = resolve(dir);
  await checkFolder(folder, force === true);
  const declared = await declare({ projectDir: root, stack, signal: interruptible() });
  if (declared.result !== "succeeded") {
    const errors = declared.diagnostics.filter(({ severity }) => severity === "error").map(({ message }) => message);
    throw new CommandError(
      `nothing is written, for the program of ${stack} fails: ${errors.join("\n") || declared.result}`,
    );
  }
  const rendered = manifestsOf(declared);
  await writeFolder(folder, stack, rendered);
  const { manifests, omitted } = rendered;
  if (json) printJson({ folder, files: manifests.map(({ file }) => file), omitted });
  else {
    const left = omitted.length === 0 ? "" : `; ${omitted.length} resources are left out, README.md there says why`;
    process.stdout.write(`${manifests.length} manifests in ${folder}${left}\n`);
  }
}
