import { BLIND_SECRET, type Json, type JsonObject } from "../state/codec";
import { missingPassphrase, type PassphraseSource } from "../state/passphrase";
import { Crypter } from "../state/secrets";
import { isRecord } from "./document";
import type { ConfigDeclaration, ConfigType, ItemsType, Project } from "./project";
import type { RawValue, StackSettings } from "./settings";

/** A stack's configuration as a program gets it. */
export interface StackConfig {
  /** By full key, `namespace:name`; structured values as JSON text. */
  readonly values: Readonly<Record<string, string>>;
  /** Keys whose value is, or holds, a secret. */
  readonly secretKeys: readonly string[];
  /** What a run's history records: secrets stay encrypted. */
  readonly recorded: JsonObject;
}

/**
 * Decrypts the stack's configuration, adds the project's defaults and checks the types that the project declares.
 * With `passphrase: "blind"` nothing is decrypted and every secret is `[secret]`: for previews without credentials.
 * @throws an error with file, line, key and fix; WrongPassphraseError
 */
export async function resolveConfig(
  project: Project,
  settings: StackSettings,
  passphrase: PassphraseSource | "blind",
): Promise<StackConfig> {
  const decrypt = await decrypter(settings, passphrase);
  const missing: string[] = [];
  const raw = new Map<string, RawValue>();
  for (const [key, { value }] of settings.config) raw.set(key, value);
  for (const [key, declaration] of project.config) {
    const entry = settings.config.get(key);
    if (!entry && declaration.default !== undefined) raw.set(key, declaration.default as RawValue);
    else if (!entry && key.startsWith(`${project.name}:`)) missing.push(declaration.key);
  }
  if (missing.length > 0) throw missingValues(settings, missing, project);

  const values: Record<string, string> = {};
  const secretKeys: string[] = [];
  const recorded: JsonObject = {};
  for (const [key, value] of [...raw].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const entry = settings.config.get(key);
    const plain = reveal(value, (ciphertext) => decrypt(ciphertext, key, entry?.place ?? settings.file));
    const declaration = project.config.get(key);
    if (declaration && entry) checkDeclared(declaration, plain, isSecret(value), entry.place, settings.stack);
    values[key] = typeof plain === "string" ? plain : toJson(plain);
    recorded[key] = isText(value) ? String(value) : (JSON.parse(toJson(value)) as Json);
    if (isSecret(value)) secretKeys.push(key);
  }
  return { values, secretKeys, recorded };
}

/** The two variables by which the CLI hands configuration to a nodejs program. */
export function configEnvironment(config: StackConfig): { PULUMI_CONFIG: string; PULUMI_CONFIG_SECRET_KEYS: string } {
  const named = Object.entries(config.values).map(([key, value]) => [key.replace(":", ":config:"), value]);
  return {
    PULUMI_CONFIG: JSON.stringify(Object.fromEntries(named)),
    PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(config.secretKeys),
  };
}

type Decrypt = (ciphertext: string, key: string, place: string) => string;

async function decrypter(settings: StackSettings, source: PassphraseSource | "blind"): Promise<Decrypt> {
  const first = [...settings.config.values()].find(({ value }) => isSecret(value));
  if (source === "blind" || !first) return () => BLIND_SECRET;
  if (settings.encryptionSalt === undefined) {
    throw new Error(
      `${first.place} is encrypted, but ${settings.file} has no \`encryptionsalt\`: restore that line, or set the value again with ` +
        `\`pulumi config set --secret\``,
    );
  }
  const passphrase = await source();
  if (passphrase === undefined) throw missingPassphrase(settings.file);
  const crypter = await Crypter.open(
    passphrase,
    settings.encryptionSalt,
    `the stack ${settings.stack} (${settings.file})`,
  );
  return (ciphertext, key, place) => {
    try {
      return crypter.decrypt(ciphertext);
    } catch (error) {
      throw new Error(
        `${place}: ${key} cannot be decrypted (${(error as Error).message}): it was encrypted for another stack, or damaged; set it ` +
          `again with \`pulumi config set --secret\``,
      );
    }
  };
}

/** The ciphertext of `{ secure: <text> }`, the only form that is a secret. */
function ciphertextOf(value: RawValue): string | undefined {
  if (!isRecord(value)) return undefined;
  const { secure } = value;
  return typeof secure === "string" && Object.keys(value).length === 1 ? secure : undefined;
}

function isSecret(value: RawValue): boolean {
  if (ciphertextOf(value) !== undefined) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(isSecret);
}

function reveal(value: RawValue, decrypt: (ciphertext: string) => string): RawValue {
  const ciphertext = ciphertextOf(value);
  if (ciphertext !== undefined) return decrypt(ciphertext);
  if (Array.isArray(value)) return value.map((item) => reveal(item, decrypt));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, reveal(item, decrypt)]));
}

const isText = (value: RawValue): value is string | number | bigint | boolean =>
  value !== null && typeof value !== "object";

/** As the CLI does: keys sorted, integers to the last digit. */
function toJson(value: RawValue): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.keys(value).sort();
  return `{${pairs.map((key) => `${JSON.stringify(key)}:${toJson(value[key] ?? null)}`).join(",")}}`;
}

function checkDeclared(
  declaration: ConfigDeclaration,
  value: RawValue,
  secret: boolean,
  place: string,
  stack: string,
): void {
  const { key, type, items } = declaration;
  if (declaration.secret && !secret) {
    throw new Error(
      `${place}: ${key} must be encrypted, as ${declaration.place} declares it secret; set it with ` +
        `\`pulumi config set --secret --stack ${stack} ${key}\``,
    );
  }
  if (type === undefined || fits(value, type, items)) return;
  const wanted = type === "array" && items ? `array of ${items.type}` : type;
  // A secret is not shown, whatever it is.
  const found = secret || !isText(value) ? "" : `; it is ${JSON.stringify(String(value))}`;
  throw new Error(`${place}: ${key} must be of type ${wanted}, as ${declaration.place} declares${found}`);
}

function fits(value: RawValue, type: ConfigType, items: ItemsType | undefined): boolean {
  switch (type) {
    case "string":
      // Configuration is text: a number or boolean at the top is its own spelling.
      return isText(value);
    case "integer":
      return typeof value === "bigint" || /^[+-]?\d+$/.test(String(value));
    case "boolean":
      return typeof value === "boolean" || value === "true" || value === "false";
    case "object":
      return isRecord(value);
    case "array":
      return Array.isArray(value) && (!items || value.every((item) => fits(item, items.type, items.items)));
  }
}

function missingValues(settings: StackSettings, keys: readonly string[], project: Project): Error {
  const [first] = keys;
  return new Error(
    `the stack ${settings.stack} is missing configuration ${keys.length === 1 ? "value" : "values"} ${keys.join(", ")}, which ` +
      `${project.file} declares without a default: add ${keys.length === 1 ? "it" : "them"} under \`config\` in ${settings.file}, ` +
      `for example \`${project.name}:${first ?? ""}: …\``,
  );
}
