import { Command, Option } from "commander";
import { baselineOf, newestRepeats } from "../../loadtests/baseline/baseline";
import { compare, holds } from "../../loadtests/baseline/compare";
import { BaselineStore } from "../../loadtests/baseline/store";
import { profileNames, type ProfileName } from "../../loadtests/table";
import { k6Exit } from "../../loadtests/verdict";
import { findPlace } from "../backend";
import { CommandError } from "../errors";
import { defaultStack } from "../options";
import { printJson, root } from "../place";
import { table } from "../table";
import { namedRuns, runsOf } from "./files";
import { comparisonTable } from "./shown";

interface Choice {
  stack: string;
  profile: ProfileName;
  json?: boolean;
}

export const baselines = new BaselineStore(root);

export function baselineCommand(): Command {
  const command = new Command("baseline").description("what runs of load are held against, and whether one is worse");
  const choice = () => [
    new Option("--stack <name>", "of which stack").default(defaultStack),
    new Option("--profile <name>", "of which profile").choices(profileNames).default("baseline"),
    new Option("--json", "one JSON document on standard output, and nothing else there"),
  ];
  const add = (sub: Command) => {
    for (const option of choice()) sub.addOption(option);
    command.addCommand(sub);
  };
  add(
    new Command("set")
      .description("makes a baseline of three runs or more")
      .argument("[runs...]", "names of runs (default: the newest that were sent alike at one commit)")
      .action(set),
  );
  add(
    new Command("compare")
      .description(
        "holds a run against the baseline of its stack and profile; exits with 99 when it is worse or unknown",
      )
      .argument("[run]", "name of a run (default: the newest)")
      .action(compareRun),
  );
  command.addCommand(
    new Command("list")
      .description("the baselines that there are")
      .option("--json", "one JSON document on standard output, and nothing else there")
      .action(list),
  );
  return command;
}

async function set(names: string[], { stack, profile, json }: Choice): Promise<void> {
  const records = names.length > 0 ? await namedRuns(names) : newestRepeats(await runsOf(stack, profile));
  const baseline = baselineOf(records);
  const { embedded } = await findPlace(baseline.stack);
  const file = await baselines.write(baseline, embedded);
  if (json) printJson({ file, baseline });
  else {
    const missed = records.filter(({ code }) => code !== 0).length;
    const note = missed > 0 ? `, ${missed} of which missed an objective` : "";
    process.stdout.write(`baseline of ${records.length} runs at ${baseline.commit}${note}; ${file}\n`);
  }
}

async function compareRun(name: string | undefined, choice: Choice): Promise<void> {
  const [record] = name === undefined ? await runsOf(choice.stack, choice.profile) : await namedRuns([name]);
  if (record === undefined) {
    const command = `ballast load ${choice.stack} --profile ${choice.profile}`;
    throw unknown(`no run of the profile ${choice.profile} on ${choice.stack}; send one: ${command}`);
  }
  const { stack, profile } = record;
  const baseline = await baselines.read(stack, profile, (await findPlace(stack)).embedded);
  if (baseline === undefined)
    throw unknown(
      `the profile ${profile} on ${stack} has no baseline; make one of three runs: ballast load ${stack} --profile ${profile} --repeat 3, then ballast load baseline set --stack ${stack} --profile ${profile}`,
    );
  const compared = compare(baseline, record);
  if (choice.json) printJson({ run: record.run, compared });
  else process.stdout.write(`${comparisonTable(compared)}run ${record.run}\n`);
  if (!holds(compared)) process.exitCode = k6Exit.thresholds;
}

/** What nobody knows is no pass: k6's code for a missed threshold. */
const unknown = (message: string): CommandError => new CommandError(`unknown: ${message}`, k6Exit.thresholds);

async function list({ json }: { json?: boolean }): Promise<void> {
  const all = await baselines.list();
  if (json) return printJson(all);
  const rows = all.map(({ file, baseline: { stack, profile, runs, ended, commit } }) => [
    stack,
    profile,
    String(runs.length),
    ended,
    commit.slice(0, 12),
    file,
  ]);
  process.stdout.write(table(["STACK", "PROFILE", "RUNS", "LAST", "COMMIT", "FILE"], rows));
}
