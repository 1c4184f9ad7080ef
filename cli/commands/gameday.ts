import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { Command } from "commander";
import { experiments, findExperiment } from "../../chaos/experiments";
import { faultDrivers } from "../../chaos/faults";
import { driverFor } from "../../chaos/faults/fault";
import { appointments, type Appointment, type GameDay, type Setting } from "../../chaos/gameday/day";
import { DayFolder } from "../../chaos/gameday/folder";
import { dayLoad, startLoad } from "../../chaos/gameday/load";
import { type GameDayPlan, InvalidPlan, parsePlan } from "../../chaos/gameday/plan";
import { plans } from "../../chaos/gameday/plans";
import { renderReport } from "../../chaos/gameday/report/report";
import { type GameDayParts, impossible, runGameDay } from "../../chaos/gameday/run";
import { permit } from "../../chaos/run/permission";
import { seeded } from "../../chaos/run/random";
import { rehearse } from "../../chaos/run/rehearse";
import { environments } from "../../infra/config/schema";
import * as engine from "../../local/engine";
import { findK6 } from "../../loadtests/k6/binary";
import { chosenScenarios } from "../../loadtests/table";
import { localTargets, namedTargets, namespacesOf } from "../../loadtests/targets";
import { findPlace } from "../backend";
import { chaosPlace, type ChaosPlace } from "../chaosGround";
import { CommandError, exit } from "../errors";
import { runningImages } from "../load/images";
import { type ClusterChoice, clusterOptions, defaultStack } from "../options";
import { interruptible, printJson, progress, root } from "../place";
import { table } from "../table";
import { carryOut } from "./chaos";
import { authorityOf, commit } from "./load";

interface RunFlags extends ClusterChoice {
  stack: string;
  seed: number;
  dry?: boolean;
  iKnow?: boolean;
  target: string[];
  json?: boolean;
}

const say = (line: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);

export function gamedayCommand(): Command {
  const command = new Command("gameday").description("days on which a stack is put under load and broken, by a plan");
  command.command("list").description("the plans that there are").option("--json", "as one JSON document").action(list);
  const run = command
    .command("run")
    .description("holds a GameDay; its journals and report are kept in .ballast/gamedays")
    .argument("<plan>", "name of a plan, or a JSON file")
    .option("--stack <name>", "which stack", defaultStack)
    .option("--seed <number>", "the same seed decides the same", Number, 1)
    .option("--dry", "show the timeline and what would be hit now; touch nothing")
    .option("--i-know", "also in an environment with real users, in its change window")
    .option("--target <service=url...>", "addresses, in place of the stack's outputs", [])
    .option("--json", "one JSON document on standard output, and nothing else there")
    .addHelpText("after", "\nExits with 0 when the hypothesis held, with 1 otherwise.");
  for (const option of clusterOptions()) run.addOption(option);
  run.action(runCommand);
  command
    .command("report")
    .description("makes the report of a day anew, from its files and notes.md beside them")
    .argument("<folder>", "such as .ballast/gamedays/<id>")
    .action(report);
  return command;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
const checked = (data: unknown, source: string): GameDayPlan => parsePlan(data, source, experiments);

function list({ json }: { json?: boolean }): void {
  const all = plans.map((plan) => checked(plan, `chaos/gameday/plans/${plan.name}.ts`));
  if (json) return printJson(all);
  const rows = all.map((plan) => [plan.name, String(appointments(plan, 1).length), plan.title]);
  process.stdout.write(table(["PLAN", "RUNS", ""], rows));
}

/** @throws CommandError when there is none of that name, or it is not as it must be */
async function planNamed(name: string): Promise<GameDayPlan> {
  try {
    if (name.endsWith(".json")) return checked(JSON.parse(await readFile(name, "utf8")), name);
    const found = plans.find((plan) => plan.name === name);
    if (found) return checked(found, `chaos/gameday/plans/${name}.ts`);
  } catch (error) {
    const message = messageOf(error);
    throw new CommandError(error instanceof InvalidPlan ? message : `${name} cannot be read: ${message}`, exit.usage);
  }
  throw new CommandError(
    `there is no plan ${name}; there are: ${plans.map((plan) => plan.name).join(", ")}`,
    exit.usage,
  );
}

async function runCommand(name: string, flags: RunFlags): Promise<void> {
  if (!Number.isSafeInteger(flags.seed) || flags.seed < 0)
    throw new CommandError(`--seed must be a whole number, 0 or more`, exit.usage);
  const plan = await planNamed(name);
  const signal = interruptible();
  const place = await chaosPlace(flags.stack, flags, signal, say);
  permit(place.environment, flags.iKnow === true, new Date());
  if (flags.dry) return dryRun(plan, place, flags);
  const lacking = await impossible(plan, { possible: possibleAt(place) });
  if (lacking.length > 0) throw new CommandError(`${plan.name} cannot be held here:\n  ${lacking.join("\n  ")}`);
  const id = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${plan.name}`;
  const folder = await DayFolder.make(join(root, ".ballast", "gamedays", id));
  const { setting, load } = await prepared(id, plan, place, folder, flags);
  const parts: GameDayParts = {
    possible: possibleAt(place),
    run: (experiment, seed, ended) => {
      const groundOf: ChaosPlace["groundOf"] = (limits) => ({ ...place.groundOf(limits), signal: ended });
      return carryOut(findExperiment(experiment), { ...place, groundOf }, seed);
    },
    startLoad: async (ended) => startLoad(load, ended),
    say,
  };
  const day = await runGameDay(plan, setting, folder, parts, signal);
  await folder.writeReport(renderReport(await folder.read()));
  if (flags.json) printJson({ folder: folder.path, ...day });
  else process.stdout.write(`${described(day)}${folder.report}\n`);
  if (day.verdict === "interrupted") process.exitCode = exit.interrupted;
  else if (day.verdict !== "held") process.exitCode = exit.failed;
}

/** Whether each fault of an experiment can be made, and would hit something that may be hit. */
const possibleAt =
  (place: ChaosPlace): GameDayParts["possible"] =>
  async (name) => {
    const { method, limits } = findExperiment(name);
    for (const { fault } of method) {
      const driver = driverFor(faultDrivers, fault.kind);
      const ground = place.groundOf(limits);
      const possible = await driver.possible(ground);
      if (possible !== true) return possible;
      try {
        await driver.choose(fault, ground, seeded(0));
      } catch (error) {
        return messageOf(error);
      }
    }
    return true;
  };

/** What a day needs of the stack before it begins: where its services are, what runs there, and k6. */
async function prepared(
  id: string,
  plan: GameDayPlan,
  place: ChaosPlace,
  folder: DayFolder,
  { stack, seed, target }: RunFlags,
): Promise<{ setting: Setting; load: Parameters<typeof startLoad>[0] }> {
  const environment = environments.find((each) => each === place.environment);
  if (environment === undefined)
    throw new CommandError(`the stack ${stack} is of no known environment: ${place.environment}`);
  const stackPlace = await findPlace(stack);
  const outputs = await engine.outputs({ projectDir: root, stack, passphrase: stackPlace.passphrase });
  const scenarios = chosenScenarios(plan.load.scenarios);
  const known = { ...(stackPlace.embedded ? localTargets(outputs) : {}), ...namedTargets(target) };
  const services = new Set(scenarios.map(({ service }) => service));
  const targets = Object.fromEntries(Object.entries(known).filter(([service]) => services.has(service)));
  const { profile } = plan.load;
  const load = dayLoad({ run: id, environment, profile, scenarios, targets, seed }, plan.abort.deadline);
  const k6 = await findK6(progress());
  const authorities = await authorityOf(outputs, load, folder.load);
  const namespaces = [
    ...new Set(plan.timeline.flatMap(({ experiment }) => findExperiment(experiment).limits.namespaces)),
  ];
  const images = await runningImages(stackPlace, [...new Set([...namespacesOf(outputs, targets), ...namespaces])]);
  return {
    setting: { id, stack, environment, seed, commit: await commit(), images: images ?? [] },
    load: { plan: load, k6: k6.path, folder: folder.load, ...(authorities && { authorities }) },
  };
}

const startOf = ({ start }: Appointment): string => ("at" in start ? `at ${start.at} s` : `after ${start.after} s`);

async function dryRun(plan: GameDayPlan, place: ChaosPlace, { seed, json }: RunFlags): Promise<void> {
  const rows: (Appointment & { victims: string[] })[] = [];
  for (const appointment of appointments(plan, seed)) {
    const experiment = findExperiment(appointment.experiment);
    const hypothesis = { ...experiment["steady-state-hypothesis"], probes: [] };
    const parts = { drivers: faultDrivers, look: unseen, seed: appointment.seed };
    const ground = place.groundOf(experiment.limits);
    const victims = await rehearse({ ...experiment, "steady-state-hypothesis": hypothesis }, ground, parts).then(
      ({ steps }) => steps.flatMap((step) => step.victims),
      (error: unknown) => [messageOf(error)],
    );
    rows.push({ ...appointment, victims });
  }
  if (json) printJson({ plan: plan.name, seed, appointments: rows });
  else
    process.stdout.write(
      table(
        ["START", "EXPERIMENT", "SEED", "WOULD HIT"],
        rows.map((row) => [startOf(row), row.experiment, String(row.seed), row.victims.join(", ")]),
      ),
    );
  const lacking = await impossible(plan, { possible: possibleAt(place) });
  if (lacking.length > 0) throw new CommandError(`${plan.name} cannot be held here:\n  ${lacking.join("\n  ")}`);
}

/** A dry run has no probes to look with. */
const unseen = async () => Promise.reject<never>(new Error("nothing is looked at"));

async function report(path: string): Promise<void> {
  const folder = DayFolder.at(resolve(path));
  await folder.writeReport(renderReport(await folder.read()));
  process.stdout.write(`${folder.report}\n`);
}

function described({ runs, verdict, reason }: GameDay): string {
  const rows = runs.map(({ experiment, repeat, of, outcome, reason: why = "" }) => [
    of > 1 ? `${experiment} (${repeat} of ${of})` : experiment,
    outcome,
    why.split("\n")[0] ?? "",
  ]);
  return `${table(["EXPERIMENT", "OUTCOME", ""], rows)}${verdict}${reason === undefined ? "" : `: ${reason}`}\n`;
}
