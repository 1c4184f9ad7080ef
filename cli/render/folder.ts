import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parse, stringify } from "yaml";
import { CommandError, exit } from "../errors";
import type { Omitted, Rendered } from "./manifests";

/** Without an extension: `kubectl apply -f DIR` takes every `.yaml` and `.json` of a folder for an object. */
const INDEX = "Kustomization";
const README = "README.md";

/**
 * Whether manifests may be written into `folder`: it is not there, or empty, or the user insists.
 * @throws CommandError otherwise
 */
export async function checkFolder(folder: string, force: boolean): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw new CommandError(`--dir ${folder} is a file; name a folder`, exit.usage);
    throw error;
  }
  if (names.length === 0 || force) return;
  throw new CommandError(
    `--dir ${folder} is not empty (it has ${names.slice(0, 3).join(", ")}${names.length > 3 ? " …" : ""}); name another folder, ` +
      "or replace what an earlier render wrote there with --force",
    exit.usage,
  );
}

/** Writes one file an object, an index for `kubectl apply -k`, and what is left out; what an earlier render wrote there goes. */
export async function writeFolder(folder: string, stack: string, { manifests, omitted }: Rendered): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const file of await indexed(folder)) await rm(join(folder, file), { force: true });
  for (const { file, text } of manifests) await writeFile(join(folder, file), text);
  const index = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: INDEX,
    resources: manifests.map(({ file }) => file),
  };
  await writeFile(join(folder, INDEX), stringify(index));
  await writeFile(join(folder, README), readme(stack, omitted));
}

/** The files that an earlier render wrote. */
async function indexed(folder: string): Promise<string[]> {
  const text = await readFile(join(folder, INDEX), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return "";
  });
  const { resources = [] } = (parse(text) ?? {}) as { resources?: readonly unknown[] };
  return resources.filter((file): file is string => typeof file === "string" && file === basename(file));
}

function readme(stack: string, omitted: readonly Omitted[]): string {
  const rows = omitted.map(({ type, name, reason }) => `| ${type} | ${name} | ${reason} |`);
  return [
    `# Manifests of the stack ${stack}`,
    "",
    `Made by \`ballast render ${stack}\`; render again rather than edit. \`kubectl apply -f\` on this folder, or \`-k\`, takes them: the files are`,
    "named in the order in which they can be applied. Nothing waits for anything else to be ready.",
    "",
    ...(rows.length === 0
      ? ["Every resource of the stack is here."]
      : ["Not here, and to be made in another way:", "", "| type | name | why |", "| --- | --- | --- |", ...rows]),
    "",
  ].join("\n");
}
