import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { checkStackName } from "../state/layout";
import { YamlFile, isRecord, kindOf } from "./document";
import { fullKey, type Project } from "./project";

/** A configuration value as it stands in the file: integers are bigint, secrets `{ secure: <ciphertext> }`. */
export type RawValue = null | boolean | number | bigint | string | RawValue[] | { [key: string]: RawValue };

export interface ConfigEntry {
  readonly value: RawValue;
  /** `file:line`, for errors. */
  readonly place: string;
}

/** A stack's own file, `Pulumi.<stack>.yaml`. */
export interface StackSettings {
  readonly stack: string;
  readonly file: string;
  /** False for a stack without a file, which then has no configuration. */
  readonly exists: boolean;
  readonly encryptionSalt?: string;
  /** By full key, `namespace:name`. */
  readonly config: ReadonlyMap<string, ConfigEntry>;
}

export function settingsFile(project: Project, stack: string): string {
  checkStackName(stack);
  return join(project.stackConfigDir, `Pulumi.${stack}.yaml`);
}

/** @throws an error with file, line, key and fix */
export async function loadStackSettings(project: Project, stack: string): Promise<StackSettings> {
  const file = settingsFile(project, stack);
  const yaml = await YamlFile.load(file);
  return yaml ? parseSettings(project, stack, yaml) : { stack, file, exists: false, config: new Map() };
}

/** Names of the stacks that have a file. */
export async function stacksWithSettings(project: Project): Promise<string[]> {
  const names = await readdir(project.stackConfigDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
    return [];
  });
  return names
    .map((name) => /^Pulumi\.(.+)\.ya?ml$/.exec(name)?.[1])
    .filter((name): name is string => name !== undefined)
    .sort();
}

/** Said when a stack has neither a file nor a state. */
export function unknownStack(project: Project, stack: string, known: readonly string[]): Error {
  const names = [...new Set(known)].sort();
  const list = names.length > 0 ? `its stacks are ${names.join(", ")}` : "it has no stack yet";
  return new Error(
    `no stack named ${JSON.stringify(stack)} in the project ${project.name}: ${list}. To make it, write ` +
      `${settingsFile(project, stack)} (an empty file will do) or run \`pulumi stack init ${stack}\``,
  );
}

export function parseSettings(project: Project, stack: string, yaml: YamlFile): StackSettings {
  const content = yaml.content ?? {};
  if (!isRecord(content)) throw new Error(`${yaml.file} must be a map, but is ${kindOf(content)}`);
  const provider = content["secretsprovider"];
  if (provider !== undefined && provider !== null && provider !== "passphrase") {
    throw new Error(
      `${yaml.at("secretsprovider")}: \`secretsprovider\` is ${JSON.stringify(provider)}; the embedded engine has only "passphrase". ` +
        `Use the Pulumi CLI for this stack, or move it with \`pulumi stack change-secrets-provider passphrase\``,
    );
  }
  if (content["environment"] !== undefined && content["environment"] !== null) {
    throw new Error(
      `${yaml.at("environment")}: \`environment\` names environments of Pulumi Cloud, which the embedded engine does not read. ` +
        `Use the Pulumi CLI for this stack`,
    );
  }
  const salt = content["encryptionsalt"];
  if (salt !== undefined && salt !== null && typeof salt !== "string") {
    throw new Error(`${yaml.at("encryptionsalt")}: \`encryptionsalt\` must be a string, but is ${kindOf(salt)}`);
  }
  return {
    stack,
    file: yaml.file,
    exists: true,
    ...(salt ? { encryptionSalt: salt } : {}),
    config: entries(project, yaml, content["config"]),
  };
}

function entries(project: Project, yaml: YamlFile, config: unknown): Map<string, ConfigEntry> {
  const map = new Map<string, ConfigEntry>();
  if (config === undefined || config === null) return map;
  if (!isRecord(config)) throw new Error(`${yaml.at("config")}: \`config\` must be a map, but is ${kindOf(config)}`);
  for (const [key, value] of Object.entries(config)) {
    const place = yaml.at("config", key);
    const full = fullKey(project.name, key);
    if (full === undefined) {
      throw new Error(`${place}: ${JSON.stringify(key)} is not a configuration key; write \`namespace:name\``);
    }
    if (map.has(full)) throw new Error(`${place}: ${full} is given twice, once without its namespace; keep one`);
    map.set(full, { value: value as RawValue, place });
  }
  return map;
}
