import { isNode } from "yaml";
import { realDisk } from "../state/disk";
import { missingPassphrase, type PassphraseSource } from "../state/passphrase";
import { Crypter } from "../state/secrets";
import { YamlFile } from "./document";
import { fullKey, type Project } from "./project";
import { parseSettings, settingsFile, type RawValue } from "./settings";

/**
 * Sets one configuration value in the stack's file, which is made if it is not there; comments and order stay.
 * @throws an error when the key or the file is no good; then nothing is written
 */
export async function setConfigValue(project: Project, stack: string, key: string, value: RawValue): Promise<void> {
  await editSettings(project, stack, (yaml) => place(project, yaml, key, value));
}

/** Encrypts `value` and sets it, as `pulumi config set --secret` does; the stack gets an `encryptionsalt` if it has none. */
export async function setSecretConfigValue(
  project: Project,
  stack: string,
  key: string,
  value: string,
  passphrase: PassphraseSource,
): Promise<void> {
  await editSettings(project, stack, async (yaml) => {
    const { encryptionSalt } = parseSettings(project, stack, yaml);
    const encrypted = await encryptConfigValue(value, stack, encryptionSalt, passphrase);
    yaml.document.set("encryptionsalt", encrypted.encryptionSalt);
    place(project, yaml, key, { secure: encrypted.secure });
  });
}

/** The `secure` text of a configuration value, and the salt under which it stands: the given one, else a new one. */
export async function encryptConfigValue(
  value: string,
  stack: string,
  encryptionSalt: string | undefined,
  source: PassphraseSource,
): Promise<{ secure: string; encryptionSalt: string }> {
  const passphrase = await source();
  if (passphrase === undefined) throw missingPassphrase(`the stack ${stack}`);
  const crypter =
    encryptionSalt === undefined
      ? await Crypter.generate(passphrase)
      : await Crypter.open(passphrase, encryptionSalt, `the stack ${stack}`);
  return { secure: crypter.encrypt(value), encryptionSalt: crypter.saltState };
}

async function editSettings(
  project: Project,
  stack: string,
  edit: (yaml: YamlFile) => void | Promise<void>,
): Promise<void> {
  const file = settingsFile(project, stack);
  const yaml = (await YamlFile.load(file)) ?? YamlFile.parse(file, "");
  parseSettings(project, stack, yaml);
  await edit(yaml);
  await realDisk.replace(file, [yaml.text()], { mode: 0o644 });
}

function place(project: Project, yaml: YamlFile, key: string, value: RawValue): void {
  const full = fullKey(project.name, key);
  if (full === undefined)
    throw new Error(`${JSON.stringify(key)} is not a configuration key; write \`name\` or \`namespace:name\``);
  const short = full.startsWith(`${project.name}:`) ? full.slice(project.name.length + 1) : full;
  const written = yaml.document.hasIn(["config", short]) ? short : full;
  if (yaml.document.get("config") === null) yaml.document.delete("config");
  const node = yaml.document.createNode(value);
  const before = yaml.document.getIn(["config", written], true);
  // The comment behind a value is about the value's place, not about what stood there.
  if (isNode(before) && before.comment) node.comment = before.comment;
  yaml.document.setIn(["config", written], node);
}
