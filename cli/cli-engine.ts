import { readFile } from "node:fs/promises";
import { findProgram } from "../local/cluster";
import type { StackPlace } from "./backend";
import { CommandError, exit } from "./errors";
import type { RunChoice } from "./options";
import { printJson, root } from "./place";

export type Operation = "up" | "preview" | "refresh" | "destroy";

/** Whether the Pulumi CLI is on PATH. */
export async function cliIsThere(): Promise<boolean> {
  return (await findProgram("pulumi")) !== undefined;
}

/** Gives the operation to the Pulumi CLI, with this checkout's state folder unless PULUMI_BACKEND_URL says otherwise. */
export async function runByCli(
  operation: Operation,
  { stack: stackName, passphrase: source }: StackPlace,
  choice: RunChoice & { readonly packs: readonly string[] },
): Promise<void> {
  const { LocalWorkspace } = await import("@pulumi/pulumi/automation/index.js");
  const passphrase = await source();
  const envVars: Record<string, string> = { PULUMI_BACKEND_URL: process.env["PULUMI_BACKEND_URL"] ?? `file://${root}` };
  if (passphrase !== undefined) envVars["PULUMI_CONFIG_PASSPHRASE"] = passphrase;
  const stack = await LocalWorkspace.createOrSelectStack({ stackName, workDir: root }, { envVars });
  const options = {
    diff: choice.diff === true,
    ...(choice.parallel === undefined ? {} : { parallel: choice.parallel }),
    onOutput: (text: string) => void (choice.json ? process.stderr : process.stdout).write(text),
    onError: (text: string) => void process.stderr.write(text),
  };
  const policies = { policyPacks: [...choice.packs], policyPackConfigs: choice.policyPackConfig ?? [] };
  const result = await (operation === "up"
    ? stack.up({ ...options, ...policies })
    : operation === "preview"
      ? stack.preview({ ...options, ...policies })
      : operation === "refresh"
        ? stack.refresh(options)
        : stack.destroy(options));
  if (choice.json) printJson("summary" in result ? result.summary : result.changeSummary);
}

/** The content of each `--policy-pack-config` file. */
export async function readPackConfig(file: string | undefined): Promise<Record<string, unknown>> {
  if (file === undefined) return {};
  const content = await readFile(file, "utf8");
  try {
    return JSON.parse(content) as Record<string, unknown>;
  } catch (error) {
    throw new CommandError(`--policy-pack-config ${file} is not JSON: ${(error as Error).message}`, exit.usage);
  }
}
