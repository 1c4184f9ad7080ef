import { readFile } from "node:fs/promises";
import { findProgram } from "../local/cluster";
import { loadStackSettings } from "../local/engine/project";
import type { StackPlace } from "./backend";
import { CommandError, exit } from "./errors";
import type { RunChoice } from "./options";
import { printJson, root } from "./place";

export type Operation = "up" | "preview" | "refresh" | "destroy";

/** Whether the Pulumi CLI is on PATH. */
export async function cliIsThere(): Promise<boolean> {
  return (await findProgram("pulumi")) !== undefined;
}

export interface CliChoice extends RunChoice {
  readonly packs: readonly string[];
  readonly skipPreview?: boolean;
  readonly clearPendingCreates?: boolean;
  /** Asked after the preview. @default yes, without a preview of its own */
  readonly confirm?: () => Promise<boolean>;
}

/**
 * Gives the operation to the Pulumi CLI, with this checkout's state folder unless PULUMI_BACKEND_URL says otherwise. What it writes goes through as
 * it is. Resolves to the exit code.
 */
export async function runByCli(
  operation: Operation,
  { stack: stackName, project, passphrase: source }: StackPlace,
  choice: CliChoice,
  signal: AbortSignal,
): Promise<number> {
  const { CommandError: Refused, LocalWorkspace } = await import("@pulumi/pulumi/automation/index.js");
  const passphrase = await source();
  const envVars: Record<string, string> = { PULUMI_BACKEND_URL: process.env["PULUMI_BACKEND_URL"] ?? `file://${root}` };
  if (passphrase !== undefined) envVars["PULUMI_CONFIG_PASSPHRASE"] = passphrase;
  const options = {
    diff: choice.diff === true,
    ...(choice.parallel === undefined ? {} : { parallel: choice.parallel }),
    onOutput: (text: string) => void (choice.json ? process.stderr : process.stdout).write(text),
    onError: (text: string) => void process.stderr.write(text),
  };
  const policies = { policyPacks: [...choice.packs], policyPackConfigs: choice.policyPackConfig ?? [] };
  const refreshing = { ...options, clearPendingCreates: choice.clearPendingCreates === true };
  try {
    // A stack without a file is made only where the CLI knows it already: a name that is mistyped must not become a stack.
    const { exists } = await loadStackSettings(project, stackName);
    const args = { stackName, workDir: root };
    const stack = await (exists
      ? LocalWorkspace.createOrSelectStack(args, { envVars })
      : LocalWorkspace.selectStack(args, { envVars }));
    if (operation === "preview" || (choice.confirm !== undefined && choice.skipPreview !== true)) {
      const { changeSummary } = await (operation === "refresh"
        ? stack.previewRefresh(refreshing)
        : operation === "destroy"
          ? stack.previewDestroy(options)
          : stack.preview({ ...options, ...policies }));
      if (operation === "preview") {
        if (choice.json) printJson(changeSummary);
        return exit.done;
      }
    }
    if (choice.confirm !== undefined && !(await choice.confirm())) return exit.failed;
    const { summary } = await (operation === "up"
      ? stack.up({ ...options, ...policies })
      : operation === "refresh"
        ? stack.refresh(refreshing)
        : stack.destroy(options));
    if (choice.json) printJson(summary);
    return exit.done;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (signal.aborted) return exit.interrupted;
    throw new CommandError(`the Pulumi CLI refused: ${reasonIn(error.message)}`);
  }
}

/** The CLI's own words among all that its command wrote. */
function reasonIn(message: string): string {
  const last = message.split("\n").findLast((line) => /^( stderr: )?error: /.test(line));
  return last?.replace(/^( stderr: )?error: /, "") ?? "what it wrote above says why";
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
