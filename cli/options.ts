import { Argument, InvalidArgumentError, Option } from "commander";

/** The stack that commands mean when none is named: the one of this machine. */
export const defaultStack = "local";

export const stackArgument = (): Argument =>
  new Argument("[stack]", "which environment, one of stacks/Pulumi.<stack>.yaml").default(defaultStack);

export interface ClusterChoice {
  kubeconfig?: string;
  context?: string;
  imagesDir?: string;
}

export const clusterOptions = (): Option[] => [
  new Option("--kubeconfig <file>", "an existing cluster's kubeconfig, in place of the cluster on this machine"),
  new Option("--context <name>", "context of that kubeconfig (default: its current one)"),
  imagesDirOption(),
];

export const imagesDirOption = (): Option =>
  new Option("--images-dir <dir>", "a directory that provides archives or programs of images").env("BALLAST_IMAGES");

export interface RunChoice {
  engine?: "embedded" | "pulumi";
  diff?: boolean;
  json?: boolean;
  parallel?: number;
  policyPack?: string[] | false;
  policyPackConfig?: string[];
}

export const engineOptions = (): Option[] => [
  new Option("--engine <which>", "who does the work (default: pulumi where it is on PATH, else embedded)").choices([
    "embedded",
    "pulumi",
  ]),
  new Option("--diff", "every changed property in full"),
  new Option("--json", "one JSON document on standard output, and nothing else there"),
  new Option("--parallel <count>", "operations at once (default: four a core)").argParser(wholeNumber),
];

export const policyOptions = (): Option[] => [
  new Option("--policy-pack <dir...>", "policy packs that must pass (default: policies)"),
  new Option("--no-policy-pack", "without any policy pack"),
  new Option("--policy-pack-config <file...>", "configuration of the packs, JSON, in the same order"),
];

export function wholeNumber(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("it must be a whole number, 1 or more.");
  return count;
}
