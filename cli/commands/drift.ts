import { Command } from "commander";
import { type Drift, drift, type DriftedResource } from "../../local/engine/drift";
import { findPlace } from "../backend";
import { CommandError, exit } from "../errors";
import { findGround } from "../ground";
import { clusterOptions, stackArgument, wholeNumber, type ClusterChoice } from "../options";
import { interruptible, printJson, root } from "../place";
import { shownValue } from "../shown";

interface Flags extends ClusterChoice {
  json?: boolean;
  parallel?: number;
}

export function driftCommand(): Command {
  const command = new Command("drift")
    .description(
      "what has been changed behind the stack's back; changes nothing, and exits with 4 where there is anything",
    )
    .addArgument(stackArgument())
    .option("--json", "as one JSON document")
    .option("--parallel <count>", "reads at once (default: four a core)", wholeNumber);
  for (const option of clusterOptions()) command.addOption(option);
  return command.action(run);
}

async function run(stack: string, { json, parallel, ...choice }: Flags): Promise<void> {
  const signal = interruptible();
  const place = await findPlace(stack);
  const ground = await findGround(place, choice);
  if (!ground.reachable)
    throw new CommandError(`the cluster of ${stack} is not up; bring it up with: ballast up ${stack}`);
  const found = await drift({
    projectDir: root,
    stack,
    passphrase: place.passphrase,
    note: (text) => process.stderr.write(`${text}\n`),
    signal,
    ...(parallel === undefined ? {} : { parallel }),
  });
  if (json) printJson({ ...found, resources: found.resources.map(plain) });
  else process.stdout.write(describe(found));
  if (found.result === "canceled") process.exitCode = exit.interrupted;
  else if (found.result === "failed") process.exitCode = exit.failed;
  else if (found.resources.length > 0) process.exitCode = exit.drift;
}

function describe({ stack, resources, errors, looked, result }: Drift): string {
  const lines = resources.flatMap((resource) => {
    const { kind, type, id, properties } = plain(resource);
    return [
      `${kind === "gone" ? "-" : "~"} ${type} ${id}${kind === "gone" ? " is gone" : ""}`,
      ...properties.map(
        ({ path, declared = "<nothing>", found = "<nothing>" }) => `    ${path}: ${declared} declared, ${found} found`,
      ),
    ];
  });
  const count = counted(resources.length, looked);
  const verdict =
    result === "succeeded"
      ? `${stack}: ${count}`
      : `${stack}: ${count} among those that could be read; the rest is not known`;
  return [...lines, ...errors.map((error) => `error: ${error}`), verdict, ""].join("\n");
}

function counted(drifted: number, looked: number): string {
  if (looked === 0) return "nothing is up, so nothing can have drifted";
  return drifted === 0 ? "nothing has drifted" : `${drifted} of ${looked} resources have drifted`;
}

/** With values as text that anybody may see. */
function plain({ properties, ...resource }: DriftedResource): Omit<DriftedResource, "properties"> & {
  properties: { path: string; declared?: string; found?: string }[];
} {
  const { type } = resource;
  return {
    ...resource,
    properties: properties.map(({ path, declared, found }) => ({
      path,
      ...(declared === undefined ? {} : { declared: shownValue(type, path, declared) }),
      ...(found === undefined ? {} : { found: shownValue(type, path, found) }),
    })),
  };
}
