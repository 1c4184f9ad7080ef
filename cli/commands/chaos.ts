import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "commander";
import { parseExperiment, probeSchema, type Experiment } from "../../chaos/experiment/schema";
import { toToolkit } from "../../chaos/experiment/toolkit";
import { experiments, findExperiment } from "../../chaos/experiments";
import { faultDrivers } from "../../chaos/faults";
import { openLedger } from "../../chaos/ledger/open";
import { Probes } from "../../chaos/probes/probes";
import { timingsOf, type Journal } from "../../chaos/run/journal";
import { leftover } from "../../chaos/run/leftover";
import { permit } from "../../chaos/run/permission";
import { rehearse } from "../../chaos/run/rehearse";
import { runExperiment } from "../../chaos/run/run";
import { NotUndone } from "../../chaos/run/undo";
import { chaosPlace, type ChaosPlace } from "../chaosGround";
import { CommandError, exit } from "../errors";
import { clusterOptions, stackArgument, wholeNumber, type ClusterChoice } from "../options";
import { interruptible, printJson, root } from "../place";
import { table } from "../table";

interface RunFlags extends ClusterChoice {
  stack: string;
  seed: number;
  repeat: number;
  dry?: boolean;
  iKnow?: boolean;
  target: string[];
  json?: boolean;
}

/** Of what only looks, or takes back what was done. */
const nothingHit = { namespaces: [], share: 1, deadline: 1 };

const say = (line: string): void => void process.stderr.write(`${line}\n`);

export function chaosCommand(): Command {
  const command = new Command("chaos").description("experiments that break something, and prove that the stack holds");
  command
    .command("list")
    .description("the experiments that there are, and whether the stack's ground allows them")
    .option("--json", "as one JSON document")
    .action(list);
  command
    .command("validate")
    .description("checks an experiment, or all of them; touches nothing")
    .argument("[experiment...]", "names, or JSON files (default: every one)")
    .action(validate);
  command
    .command("export")
    .description("an experiment as JSON that the Chaos Toolkit runs")
    .argument("<experiment>")
    .option("--stack <name>", "the stack that it is run against", "local")
    .action((name: string, { stack }: { stack: string }) => printJson(toToolkit(known(name), stack)));
  const run = command
    .command("run")
    .description("runs an experiment; whatever happens, what it did is undone")
    .argument("<experiment>")
    .option("--stack <name>", "which stack", "local")
    .option("--seed <number>", "the same seed chooses the same victims", Number, 1)
    .option("--repeat <count>", "times, one after the other", wholeNumber, 1)
    .option("--dry", "choose the victims and look whether it is steady; touch nothing")
    .option("--i-know", "also in an environment with real users, in its change window")
    .option("--target <service=url...>", "addresses, in place of the stack's outputs", [])
    .option("--json", "one JSON document on standard output, and nothing else there")
    .addHelpText("after", "\nExits with 0 when the hypothesis held each time and nothing is left, with 1 otherwise.");
  const undo = command
    .command("undo")
    .description("undoes what a run that was killed has left")
    .addArgument(stackArgument());
  const probe = command
    .command("probe", { hidden: true })
    .description("looks once; exits with 0 within the tolerance")
    .argument("<stack>")
    .argument("<probe>", "JSON");
  const act = command
    .command("act", { hidden: true })
    .description("one step of an experiment: strikes, holds, undoes")
    .argument("<stack>")
    .argument("<experiment>")
    .argument("<step>", "from 0", Number);
  for (const each of [run, undo, probe, act]) for (const option of clusterOptions()) each.addOption(option);
  run.action(runCommand);
  undo.action(undoCommand);
  probe.action(probeCommand);
  act.action(actCommand);
  return command;
}

function known(name: string): Experiment {
  try {
    return findExperiment(name);
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error), exit.usage);
  }
}

function list({ json }: { json?: boolean }): void {
  const rows = experiments.map(({ name, title, method, ledger }) => ({
    name,
    title,
    faults: method.map(({ fault }) => fault.kind),
    ...(ledger && { ledger }),
  }));
  if (json) return printJson(rows);
  process.stdout.write(
    table(
      ["EXPERIMENT", "FAULT", ""],
      rows.map(({ name, faults, title }) => [name, faults.join(", "), title]),
    ),
  );
}

async function validate(names: readonly string[]): Promise<void> {
  const wanted = names.length > 0 ? names : experiments.map(({ name }) => name);
  for (const name of wanted) {
    if (!name.endsWith(".json")) known(name);
    else {
      try {
        parseExperiment(JSON.parse(await readFile(name, "utf8")), name);
      } catch (error) {
        throw new CommandError(
          error instanceof SyntaxError ? `${name} is not JSON: ${error.message}` : String((error as Error).message),
        );
      }
    }
    process.stdout.write(`${name} is valid\n`);
  }
}

async function runCommand(name: string, flags: RunFlags): Promise<void> {
  const signal = interruptible();
  const experiment = known(name);
  const place = await chaosPlace(flags.stack, flags, signal, say);
  permit(place.environment, flags.iKnow === true, new Date());
  if (flags.dry) return dryRun(experiment, place, flags);
  const folder = join(root, ".ballast", "chaos", `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, "")}-${name}`);
  await mkdir(folder, { recursive: true });
  const journals: Journal[] = [];
  for (let run = 1; run <= flags.repeat && !signal.aborted; run++) {
    say(`${name}, run ${run} of ${flags.repeat}`);
    const journal = await carryOut(experiment, place, flags.seed + run - 1);
    await writeFile(join(folder, `journal-${run}.json`), `${JSON.stringify(journal, null, 2)}\n`);
    journals.push(journal);
  }
  if (flags.json) printJson({ folder, journals, timings: timingsOf(journals) });
  else process.stdout.write(`${described(journals)}${folder}\n`);
  if (signal.aborted) process.exitCode = exit.interrupted;
  else if (journals.some(({ status, deviated }) => status !== "completed" || deviated)) process.exitCode = exit.failed;
}

/** One run, with eyes of its own. */
export async function carryOut(experiment: Experiment, place: ChaosPlace, seed: number): Promise<Journal> {
  const probes = new Probes();
  try {
    const parts = { drivers: faultDrivers, look: probes.look, openLedger, seed };
    return await runExperiment(experiment, place.groundOf(experiment.limits), parts);
  } finally {
    await probes.close();
  }
}

async function dryRun(experiment: Experiment, place: ChaosPlace, { json, seed }: RunFlags): Promise<void> {
  const probes = new Probes();
  try {
    const parts = { drivers: faultDrivers, look: probes.look, seed };
    const rehearsal = await rehearse(experiment, place.groundOf(experiment.limits), parts);
    if (json) printJson(rehearsal);
    else {
      const steps = rehearsal.steps.map(({ fault, victims }) => [fault, victims.join(", ")]);
      const seen = rehearsal.steady.map(({ name, looks }) => [
        name,
        looks.at(-1)?.verdict ?? "",
        looks.at(-1)?.detail ?? "",
      ]);
      process.stdout.write(`${table(["FAULT", "WOULD HIT"], steps)}\n${table(["PROBE", "", ""], seen)}`);
    }
  } finally {
    await probes.close();
  }
}

async function undoCommand(stack: string, choice: ClusterChoice): Promise<void> {
  const place = await chaosPlace(stack, choice, interruptible(), say);
  const done = await leftover(place.groundOf(nothingHit), faultDrivers);
  for (const { name, victims, status, evidence, error } of done)
    process.stdout.write(`${name} on ${victims.join(", ")}: ${error ?? (evidence.join("; ") || status)}\n`);
  if (done.length === 0) process.stdout.write("nothing is left to undo\n");
  const left = done.filter(({ status }) => status === "failed");
  if (left.length > 0) throw new NotUndone(left);
}

async function probeCommand(stack: string, text: string, choice: ClusterChoice): Promise<void> {
  const probe = probeSchema.parse(JSON.parse(text));
  const place = await chaosPlace(stack, choice, interruptible(), say);
  const probes = new Probes();
  try {
    const look = await probes.look(probe, place.groundOf(nothingHit));
    printJson(look);
    if (look.verdict !== "met") process.exitCode = exit.failed;
  } finally {
    await probes.close();
  }
}

/** The probes are the Chaos Toolkit's business here. */
async function actCommand(stack: string, name: string, index: number, choice: ClusterChoice): Promise<void> {
  const experiment = known(name);
  const step = experiment.method[index];
  if (!step) throw new CommandError(`${name} has no step ${index}; it has ${experiment.method.length}`, exit.usage);
  const place = await chaosPlace(stack, choice, interruptible(), say);
  permit(place.environment, false, new Date());
  const hypothesis = { ...experiment["steady-state-hypothesis"], probes: [] };
  const alone = {
    ...experiment,
    method: [{ ...step, after: 0 }],
    "steady-state-hypothesis": hypothesis,
    ledger: undefined,
  };
  const journal = await carryOut(alone, place, 1);
  printJson(journal.run);
  if (journal.status !== "completed") throw new CommandError(journal.ballast.reason ?? journal.status);
}

function described(journals: readonly Journal[]): string {
  const runs = journals.map(({ status, deviated, ballast, run }, index) => [
    String(index + 1),
    status,
    status === "completed" ? (deviated ? "deviated" : "held") : (ballast.reason ?? ""),
    ballast.ledger ? `${ballast.ledger.lost} of ${ballast.ledger.acknowledged} acknowledged lost` : "",
    run.flatMap(({ victims }) => victims).join(", "),
  ]);
  const figures = Object.entries(timingsOf(journals)).flatMap(([name, figure]) =>
    figure ? [[name, String(figure.n), figure.median.toFixed(2), figure.maximum.toFixed(2)]] : [],
  );
  return `${table(["RUN", "STATUS", "", "LEDGER", "HIT"], runs)}\n${table(["SECONDS TO", "N", "MEDIAN", "MAXIMUM"], figures)}`;
}
