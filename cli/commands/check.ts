import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import packageJson from "../../package.json";
import { check, type CheckOptions } from "../check/check";
import { linesOf } from "../check/locate";
import { markdown } from "../check/markdown";
import { type CheckReport, worst } from "../check/report";
import { sarif } from "../check/sarif";
import { summary } from "../check/summary";
import { readPackConfig } from "../cli-engine";
import { CommandError, exit } from "../errors";
import { policyOptions, type RunChoice } from "../options";
import { interruptible, printJson, progress, root } from "../place";

interface Flags extends Pick<RunChoice, "json" | "policyPack" | "policyPackConfig"> {
  stack?: string[];
  base?: string;
  sarif?: string;
  markdown?: string;
}

const EXITS = { passed: exit.done, violated: exit.policy, failed: exit.failed } as const;

export function checkCommand(): Command {
  const command = new Command("check")
    .description(
      "what a pull request would do to every stack: policies, changes, sizes and cost, with no cluster or credentials",
    )
    .option("--stack <name...>", "only these (default: every stacks/Pulumi.<stack>.yaml)")
    .option("--base <ref>", "compare with this commit (default: where this branch left origin/main, or main)")
    .option("--sarif <file>", "write the findings for code scanning")
    .option("--markdown <file>", "write a comment for the pull request")
    .option("--json", "one JSON document on standard output, and nothing else there");
  for (const option of policyOptions()) command.addOption(option);
  return command.action(run);
}

async function run(flags: Flags): Promise<void> {
  const packs = flags.policyPack === false ? [] : (flags.policyPack ?? [join(root, "policies")]);
  const signal = interruptible();
  const report = await checked({
    root,
    ...(flags.stack === undefined ? {} : { stacks: flags.stack }),
    ...(flags.base === undefined ? {} : { base: flags.base }),
    packs: await Promise.all(
      packs.map(async (directory, index) => ({
        directory,
        config: await readPackConfig(flags.policyPackConfig?.[index]),
      })),
    ),
    progress: progress(),
    signal,
  });
  await write(report, flags);
  if (flags.json) printJson(report);
  else process.stdout.write(summary(report));
  process.exitCode = EXITS[worst(report.stacks)];
}

/** What an interruption leaves is no verdict on anything. */
async function checked(options: CheckOptions): Promise<CheckReport> {
  try {
    const report = await check(options);
    if (!options.signal.aborted) return report;
  } catch (error) {
    if (!options.signal.aborted) throw error;
  }
  throw new CommandError("interrupted; nothing was changed, and nothing is written", exit.interrupted);
}

async function write(report: CheckReport, { sarif: sarifFile, markdown: markdownFile }: Flags): Promise<void> {
  if (sarifFile !== undefined) {
    const lines = await Promise.all(
      report.stacks.map(async (stack) => [stack.stack, await linesOf(root, stack)] as const),
    );
    await writeFile(sarifFile, `${JSON.stringify(sarif(report, packageJson.version, new Map(lines)), null, 2)}\n`);
  }
  if (markdownFile !== undefined) await writeFile(markdownFile, markdown(report));
}
