import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { environments, type Environment } from "../../infra/config/schema";
import { run as command } from "../../local/cluster/command";
import * as engine from "../../local/engine";
import { findK6 } from "../../loadtests/k6/binary";
import { makePlan, type Plan } from "../../loadtests/plan";
import { runLoad, type Ran } from "../../loadtests/run";
import { chosenScenarios, profileNames, type ProfileName } from "../../loadtests/table";
import { localTargets, namedTargets } from "../../loadtests/targets";
import type { Judged } from "../../loadtests/verdict";
import { findPlace } from "../backend";
import { CommandError, exit } from "../errors";
import { stackArgument } from "../options";
import { interruptible, printJson, progress, root } from "../place";
import { table } from "../table";

interface Flags {
  profile: ProfileName;
  scenario: string[];
  seed: number;
  durationScale: number;
  target: string[];
  json?: boolean;
}

export const loadCommand = (): Command =>
  new Command("load")
    .description("puts a stack under load by k6, and judges it by its service level objectives (docs/slos.md)")
    .addArgument(stackArgument())
    .addOption(new Option("--profile <name>", "shape of the load").choices(profileNames).default("smoke"))
    .option("--scenario <name...>", "only these, or all of a service (default: every one that has an address)", [])
    .option("--seed <number>", "the same seed gives the same requests", number, 1)
    .option("--duration-scale <factor>", "multiplies the length of every stage", number, 1)
    .option("--target <service=url...>", "addresses, in place of the stack's outputs", [])
    .option("--json", "one JSON document on standard output, and nothing else there")
    .addHelpText(
      "after",
      "\nExits with k6's own codes: 99 an objective is missed or has no data, 104 wrong options, 107 a script threw, 108 a target is not ready.",
    )
    .action(run);

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("it must be a number.");
  return value;
}

async function run(stack: string, flags: Flags): Promise<void> {
  const signal = interruptible();
  const started = new Date();
  const id = `${started.toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${randomBytes(3).toString("hex")}`;
  const plan = await planOf(stack, id, flags);
  const k6 = await findK6(progress());
  const folder = join(root, ".ballast", "runs", id);
  await mkdir(folder, { recursive: true });
  const authority = await authorityOf(stack, plan, folder);
  const work = () => runLoad({ plan, k6: k6.path, folder, signal, ...(authority && { authorities: authority }) });
  const title = `${flags.profile} of ${Object.keys(plan.due).join(", ")}`;
  const ran = await progress().task(title, work, { estimateSeconds: plan.seconds });
  const record = {
    run: id,
    stack,
    environment: plan.environment,
    profile: plan.profile,
    seed: plan.seed,
    durationScale: flags.durationScale,
    k6: k6.version,
    commit: await commit(),
    started: started.toISOString(),
    ended: new Date().toISOString(),
    interrupted: signal.aborted,
    code: ran.code,
    results: ran.results,
  };
  await writeFile(join(folder, "run.json"), `${JSON.stringify(record, null, 2)}\n`);
  if (flags.json) printJson(record);
  else process.stdout.write(describe(ran, folder));
  process.exitCode = signal.aborted ? exit.interrupted : ran.code;
}

async function planOf(stack: string, id: string, flags: Flags): Promise<Plan> {
  const place = await findPlace(stack);
  const environment = environments.find((each) => each === stack);
  const outputs = await engine.outputs({ projectDir: root, stack, passphrase: place.passphrase });
  const told = outputs["environment"] as Environment | undefined;
  const targets = { ...(place.embedded ? localTargets(outputs) : {}), ...namedTargets(flags.target) };
  const reachable = Object.keys(targets);
  if (reachable.length === 0) {
    throw new CommandError(
      place.embedded
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
async function authorityOf(stack: string, plan: Plan, folder: string): Promise<string | undefined> {
  if (plan.targets["edge"]?.address === undefined) return undefined;
  const { passphrase } = await findPlace(stack);
  const { gateway } = await engine.outputs({ projectDir: root, stack, passphrase });
  const authority = (gateway as { authority?: unknown } | undefined)?.authority;
  if (typeof authority !== "string" || authority === "") return undefined;
  const file = join(folder, "authority.pem");
  await writeFile(file, authority);
  return file;
}

async function commit(): Promise<string> {
  try {
    const { stdout } = await command("git", ["-C", root, "describe", "--always", "--dirty", "--abbrev=40"]);
    return stdout.trim();
  } catch {
    return "unknown";
  }
}

function describe({ results, errors, code }: Ran, folder: string): string {
  const rows = results.map((result) => [
    result.scenario,
    `${result.metric.split("{")[0] ?? ""} ${result.expression}`,
    result.value === undefined ? "no data" : String(Number(result.value.toPrecision(4))),
    result.margin === undefined ? "" : `${Math.round(result.margin * 100)} %`,
    shown(result),
  ]);
  return [
    table(["SCENARIO", "THRESHOLD", "VALUE", "MARGIN", "STATE"], rows),
    ...errors.map((line) => `${line}\n`),
    `${code === 0 ? "kept" : `not kept (${code})`}; ${folder}\n`,
  ].join("");
}

const shown = ({ state, requirement }: Judged): string =>
  requirement === undefined || state === "ok" ? state : `${state} (${requirement})`;
