import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { machine } from "../../bench/report";
import { environments, type Environment } from "../../infra/config/schema";
import { run as command } from "../../local/cluster/command";
import * as engine from "../../local/engine";
import { compare, holds } from "../../loadtests/baseline/compare";
import { findK6, pinnedVersion } from "../../loadtests/k6/binary";
import { makePlan, type Plan } from "../../loadtests/plan";
import { writeRecord, type RunRecord } from "../../loadtests/record";
import { renderRunReport, type ReportedRun } from "../../loadtests/report/run";
import { runLoad, type Ran } from "../../loadtests/run";
import { chosenScenarios, profileNames, type ProfileName } from "../../loadtests/table";
import { clusterTargets, localTargets, namedTargets, namespacesOf, serviceOf } from "../../loadtests/targets";
import { k6Exit } from "../../loadtests/verdict";
import { findPlace, type StackPlace } from "../backend";
import { CommandError, exit } from "../errors";
import { baselineCommand, baselines } from "../load/baseline";
import { runsFolder } from "../load/files";
import { prepareCluster, runShards } from "../load/cluster";
import { runningImages } from "../load/images";
import { comparisonTable, resultTable } from "../load/shown";
import { stackArgument, wholeNumber } from "../options";
import { interruptible, printJson, progress, root } from "../place";

type Outputs = Awaited<ReturnType<typeof engine.outputs>>;

interface Flags {
  profile: ProfileName;
  scenario: string[];
  seed: number;
  durationScale: number;
  target: string[];
  repeat: number;
  baseline?: boolean;
  inCluster?: boolean;
  shards?: number;
  json?: boolean;
}

/** Pods that send the load, where nobody says how many. */
const DEFAULT_SHARDS = 2;

export const loadCommand = (): Command =>
  new Command("load")
    .description("puts a stack under load by k6, and judges it by its service level objectives (docs/slos.md)")
    .addArgument(stackArgument())
    .addOption(new Option("--profile <name>", "shape of the load").choices(profileNames).default("smoke"))
    .option("--scenario <name...>", "only these, or all of a service (default: every one that has an address)", [])
    .option("--seed <number>", "the same seed gives the same requests", number, 1)
    .option("--duration-scale <factor>", "multiplies the length of every stage", number, 1)
    .option("--target <service=url...>", "addresses, in place of the stack's outputs", [])
    .option("--repeat <count>", "so many runs, one after another; a baseline needs three", wholeNumber, 1)
    .option("--baseline", "a run that is worse than its baseline fails, too, and so does one that has none")
    .option("--in-cluster", "from pods of the stack's cluster (default where that is not on this machine)")
    .option("--shards <count>", `so many pods share the load (default: ${DEFAULT_SHARDS})`, wholeNumber)
    .option("--json", "one JSON document on standard output, and nothing else there")
    .addHelpText(
      "after",
      "\nExits with k6's own codes: 99 an objective is missed or has no data, 104 wrong options, 107 a script threw, 108 a target is not ready.",
    )
    .addCommand(baselineCommand())
    .action(run);

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("it must be a number.");
  return value;
}

async function run(stack: string, flags: Flags): Promise<void> {
  const signal = interruptible();
  const place = await findPlace(stack);
  const shards = shardsOf(place, flags);
  if (shards !== undefined) await prepareCluster(place);
  const outputs = await engine.outputs({ projectDir: root, stack, passphrase: place.passphrase });
  const records: RunRecord[] = [];
  let code = 0;
  for (let turn = 0; turn < flags.repeat && !signal.aborted; turn++) {
    const done = await once({ place, outputs, flags, signal, shards });
    records.push(done.record);
    if (!flags.json) process.stdout.write(done.text);
    code ||= done.code;
  }
  if (flags.json) printJson(flags.repeat === 1 ? records[0] : records);
  process.exitCode = signal.aborted ? exit.interrupted : code;
}

interface Turn {
  readonly place: StackPlace;
  /** Of the stack. */
  readonly outputs: Outputs;
  readonly flags: Flags;
  readonly signal: AbortSignal;
  /** Pods in the cluster; nothing, where this machine sends the load. */
  readonly shards: number | undefined;
}

/** Addresses that are given by hand are those that this machine knows, where nothing else is said. */
function shardsOf({ embedded }: StackPlace, { inCluster, shards, target }: Flags): number | undefined {
  if (inCluster ?? (shards !== undefined || (!embedded && target.length === 0))) return shards ?? DEFAULT_SHARDS;
  return undefined;
}

async function once({
  place,
  outputs,
  flags,
  signal,
  shards,
}: Turn): Promise<{ record: RunRecord; text: string; code: number }> {
  const started = new Date();
  const id = `${started.toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${randomBytes(3).toString("hex")}`;
  const plan = planOf(place, outputs, id, flags, shards !== undefined);
  const k6 = shards === undefined ? await findK6(progress()) : undefined;
  const folder = join(runsFolder, id);
  await mkdir(folder, { recursive: true });
  const authority = await authorityOf(outputs, plan, folder);
  const images = await runningImages(place, namespacesOf(outputs, plan.targets));
  const work = () =>
    k6 === undefined
      ? runShards({ plan, shards: shards ?? DEFAULT_SHARDS, folder, signal })
      : runLoad({ plan, k6: k6.path, folder, signal, ...(authority && { authorities: authority }) });
  const from = shards === undefined ? "" : `, by ${shards} pods in the cluster`;
  const title = `${flags.profile} of ${Object.keys(plan.due).join(", ")}${from}`;
  const ran = await progress().task(title, work, { estimateSeconds: plan.seconds });
  const version = k6?.version ?? (await pinnedVersion());
  const record = await recordOf({ stack: place.stack, plan, version, started, ran, flags, signal, shards });
  const whole: RunRecord = images ? { ...record, images } : record;
  await writeRecord(folder, whole);
  return { record: whole, ...(await reported({ place, plan, folder, record: whole, ran, flags })) };
}

interface Done {
  readonly stack: string;
  readonly plan: Plan;
  /** Of k6. */
  readonly version: string;
  readonly started: Date;
  readonly ran: Ran;
  readonly flags: Flags;
  readonly signal: AbortSignal;
  readonly shards: number | undefined;
}

const recordOf = async ({ stack, plan, version, started, ran, flags, signal, shards }: Done): Promise<RunRecord> => ({
  run: plan.run,
  stack,
  environment: plan.environment,
  profile: plan.profile,
  seed: plan.seed,
  durationScale: flags.durationScale,
  seconds: plan.seconds,
  due: plan.due,
  k6: version,
  commit: await commit(),
  machine: shards === undefined ? machine() : `${shards} pods in the cluster`,
  ...(shards !== undefined && { shards }),
  started: started.toISOString(),
  ended: new Date().toISOString(),
  interrupted: signal.aborted,
  code: ran.code,
  measured: ran.measured,
  results: ran.results,
});

/** Writes the report, beside the baseline where there is one of the same load, and says how it went. */
async function reported(done: {
  place: StackPlace;
  plan: Plan;
  folder: string;
  record: RunRecord;
  ran: Ran;
  flags: Flags;
}): Promise<{ text: string; code: number }> {
  const { place, plan, folder, record, ran, flags } = done;
  const { against, why } = await baselineFor(place, record);
  const errors = ran.errors.filter((line) => !line.includes("have been crossed"));
  const report = join(folder, "report.html");
  const { series } = ran;
  await writeFile(
    report,
    renderRunReport({ record, plan, errors, ...(series && { series }), ...(against && { against }) }),
  );
  const worse = flags.baseline === true && !(against && holds(against.compared));
  const code = ran.code === 0 && worse ? k6Exit.thresholds : ran.code;
  const text = [
    resultTable(record.results),
    ...(against ? ["\n", comparisonTable(against.compared)] : []),
    ...(flags.baseline && why !== undefined ? [`against the baseline: unknown, ${why}\n`] : []),
    ...errors.map((line) => `${line}\n`),
    `${code === 0 ? "kept" : `not kept (${code})`}; ${report}\n`,
  ].join("");
  return { text, code };
}

async function baselineFor(
  { embedded }: StackPlace,
  record: RunRecord,
): Promise<{ against?: ReportedRun["against"]; why?: string }> {
  const baseline = await baselines.read(record.stack, record.profile, embedded);
  if (baseline === undefined) return { why: "there is none; three runs make one: ballast load baseline set" };
  try {
    return { against: { baseline, compared: compare(baseline, record) } };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

function planOf({ stack, embedded }: StackPlace, outputs: Outputs, id: string, flags: Flags, inCluster: boolean): Plan {
  const environment = environments.find((each) => each === stack);
  const told = outputs["environment"] as Environment | undefined;
  const own = inCluster ? clusterTargets(outputs) : embedded ? localTargets(outputs) : {};
  const targets = { ...own, ...namedTargets(flags.target) };
  if (inCluster) usage(() => Object.values(targets).forEach(({ url }) => serviceOf(url)));
  const reachable = Object.keys(targets);
  if (reachable.length === 0) {
    throw new CommandError(
      embedded || inCluster
        ? `the stack ${stack} has no service to put under load; bring it up with: ballast up ${stack}`
        : `the services of ${stack} are not on this machine; give an address with --target, such as taskdb=https://tasks.example.com`,
    );
  }
  const wanted = flags.scenario.length > 0 ? flags.scenario : reachable;
  return makePlan({
    run: id,
    environment: told ?? environment ?? "local",
    profile: flags.profile,
    scenarios: usage(() => chosenScenarios(wanted)),
    targets,
    seed: flags.seed,
    durationScale: flags.durationScale,
  });
}

/** Runs `work`, whose failure is one of the command line. */
function usage<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), exit.usage);
  }
}

/** A file with the certificate that signs for the stack's gateway, where no public authority does. */
export async function authorityOf(outputs: Outputs, plan: Plan, folder: string): Promise<string | undefined> {
  if (plan.targets["edge"]?.address === undefined) return undefined;
  const authority = (outputs["gateway"] as { authority?: unknown } | undefined)?.authority;
  if (typeof authority !== "string" || authority === "") return undefined;
  const file = join(folder, "authority.pem");
  await writeFile(file, authority);
  return file;
}

export async function commit(): Promise<string> {
  try {
    const { stdout } = await command("git", ["-C", root, "describe", "--always", "--dirty", "--abbrev=40"]);
    return stdout.trim();
  } catch {
    return "unknown";
  }
}
