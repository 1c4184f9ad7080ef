import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { Command } from "commander";
import * as engine from "../../local/engine";
import { createDisplay } from "../../local/engine/display";
import { findPlace, type StackPlace } from "../backend";
import { cliIsThere, readPackConfig, runByCli, type Operation } from "../cli-engine";
import { CommandError, exit } from "../errors";
import { findGround, prepareGround, type Ground } from "../ground";
import {
  clusterOptions,
  engineOptions,
  policyOptions,
  stackArgument,
  type ClusterChoice,
  type RunChoice,
} from "../options";
import { interruptible, printJson, root } from "../place";

interface Flags extends RunChoice, ClusterChoice {
  yes?: boolean;
  skipPreview?: boolean;
  offline?: boolean;
  clearPendingCreates?: boolean;
}

function operationCommand(name: Operation, description: string): Command {
  const command = new Command(name).description(description).addArgument(stackArgument());
  for (const option of [...engineOptions(), ...clusterOptions()]) command.addOption(option);
  if (name === "up" || name === "preview") for (const option of policyOptions()) command.addOption(option);
  if (name !== "preview") {
    command.option("--yes", "do not ask before changing anything");
    command.option("--skip-preview", "do not show first what would change (policies still come first)");
  }
  return command.action((stack: string, flags: Flags) => run(name, stack, flags));
}

export const upCommand = (): Command =>
  operationCommand("up", "makes the stack what the program says; on this machine it brings the cluster up first");

export const previewCommand = (): Command =>
  operationCommand("preview", "shows what `up` would do").option(
    "--offline",
    "with neither cluster, credentials nor providers: what only they know stays unknown",
  );

export const refreshCommand = (): Command =>
  operationCommand("refresh", "reads every resource, and takes what has changed behind our back into the state").option(
    "--clear-pending-creates",
    "forget creations that a killed run left open and whose provider cannot tell: you have looked, and nothing is there",
  );

export const destroyCommand = (): Command => operationCommand("destroy", "deletes everything that the stack has made");

export const outputCommand = (): Command =>
  new Command("output")
    .description("the stack's outputs")
    .addArgument(stackArgument())
    .argument("[name]", "only this one")
    .option("--json", "as one JSON document")
    .option("--show-secrets", "with secrets in clear")
    .action(async (stack: string, name: string | undefined, flags: { json?: boolean; showSecrets?: boolean }) => {
      const { passphrase } = await findPlace(stack);
      const found = await engine.outputs({
        projectDir: root,
        stack,
        passphrase,
        showSecrets: flags.showSecrets === true,
      });
      const shown = JSON.parse(JSON.stringify(found, hideSecrets)) as Record<string, unknown>;
      if (name !== undefined && !(name in shown)) {
        throw new CommandError(
          `the stack ${stack} has no output ${name}; it has: ${Object.keys(shown).join(", ") || "none"}`,
        );
      }
      const value = name === undefined ? shown : shown[name];
      if (flags.json || typeof value !== "object")
        return typeof value === "string" && !flags.json ? print(value) : printJson(value);
      for (const [key, part] of Object.entries(value ?? {})) {
        print(`${key}\t${typeof part === "string" ? part : JSON.stringify(part)}`);
      }
    });

const print = (line: string) => void process.stdout.write(`${line}\n`);

const hideSecrets = (_key: string, value: unknown): unknown => (value instanceof engine.Secret ? "[secret]" : value);

async function run(operation: Operation, stack: string, flags: Flags): Promise<void> {
  const signal = interruptible();
  if (operation !== "preview" && !flags.yes && !process.stdin.isTTY) {
    throw new CommandError(
      `nobody can be asked on this terminal; give --yes to ${operation} without asking`,
      exit.usage,
    );
  }
  const place = await findPlace(stack);
  const ground = await groundFor(operation, place, flags);
  const packs = operation === "up" || operation === "preview" ? packsOf(flags) : [];
  if ((flags.engine ?? ((await cliIsThere()) && !flags.offline ? "pulumi" : "embedded")) === "pulumi") {
    const confirm = flags.yes ? {} : { confirm: () => ask(`Carry this out on ${stack}?`) };
    process.exitCode = await runByCli(operation, place, { ...flags, packs, ...confirm }, signal);
    return;
  }
  process.exitCode = await runEmbedded(operation, place, flags, ground, packs, signal);
}

function groundFor(operation: Operation, place: StackPlace, flags: Flags): Promise<Ground> {
  if (operation === "up") return prepareGround(place, flags);
  return flags.offline ? Promise.resolve({ embedded: false, reachable: false }) : findGround(place, flags);
}

function packsOf({ policyPack }: Flags): readonly string[] {
  if (policyPack === false) return [];
  return policyPack ?? [join(root, "policies")];
}

async function runEmbedded(
  operation: Operation,
  { stack, passphrase }: StackPlace,
  flags: Flags,
  ground: Ground,
  packs: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const display = createDisplay({
    mode: flags.json ? "json" : flags.diff ? "diff" : process.stdout.isTTY ? "tree" : "plain",
    stream: process.stdout,
    color: process.stdout.isTTY,
  });
  let violated = false;
  const events: engine.EventSink = (event) => {
    violated ||= event.kind === "policy" && event.level === "mandatory";
    display(event);
  };
  const options: engine.ChangeOptions = {
    projectDir: root,
    stack,
    passphrase,
    note: (text) => process.stderr.write(`${text}\n`),
    policyPacks: await Promise.all(
      packs.map(async (directory, index) => ({
        directory,
        config: await readPackConfig(flags.policyPackConfig?.[index]),
      })),
    ),
    events,
    signal,
    skipPreview: flags.skipPreview === true,
    ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
    ...(flags.yes ? {} : { confirm: () => ask(`Carry this out on ${stack}?`) }),
  };
  if (operation === "preview" && ground.embedded && !ground.reachable && !flags.offline) {
    process.stderr.write("The local cluster is not up: this preview is made without it.\n");
  }
  try {
    const done = await (operation === "preview"
      ? engine.preview({ ...options, offline: flags.offline === true || (ground.embedded && !ground.reachable) })
      : operation === "refresh"
        ? engine.refresh({ ...options, clearPendingCreates: flags.clearPendingCreates === true })
        : engine[operation](options));
    if (done.result === "succeeded") return exit.done;
    if (violated) return exit.policy;
    return signal.aborted ? exit.interrupted : exit.failed;
  } finally {
    display.close();
  }
}

async function ask(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}
