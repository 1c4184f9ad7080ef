import data from "./credentials.json";

/** Tells texts that look like credentials, by the data of `credentials.json`. No answer ever repeats the text. */

const KEY = new RegExp(data.keys, "i");
const FORMATS = data.formats.map(({ name, pattern }) => ({ name, pattern: new RegExp(pattern) }));
/** A setting on a line of its own in a file: `key: value`, `key = "value"`. */
const LINE =
  /^\s*(?:export\s+)?["']?(?<key>[\w.-]+)["']?\s*[:=]\s*(?<value>"[^"]*"|'[^']*'|[^\s#;,]+)[,;]?\s*(?:#.*)?$/;
/** Not a value but where it is found, or that there is one: `$(VAR)`, `${VAR}`, `/run/secrets/x`, `{{ .x }}`, `<…>`, `true`, `12`. */
const REFERENCE =
  /^$|\$\(|\$\{|^\$[A-Za-z_]|^\.{0,2}\/|^file:|^vault:|\{\{|^<.*>$|^%|^(?:true|false|null|none|yes|no|\d+[a-z]?)$|^\*+$/i;
const ALPHABET = /^[A-Za-z0-9+/_=-]+$/;

/** `dbPassword` and `DB_PASSWORD` as `db_password`. */
const words = (key: string): string => key.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase();

/** Whether a setting of this name holds a credential; `passwordFile`, `tokenUrl` and `secretName` do not. */
export const isCredentialName = (key: string): boolean => KEY.test(words(key));

/** What a text is by its format, `a GitHub token`; `undefined` when it has none of those that are known. */
export function formatOf(text: string): string | undefined {
  return FORMATS.find(({ pattern }) => pattern.test(text))?.name;
}

/** Whether a text is a word that everybody tries first. */
export const isWeak = (text: string): boolean => data.weak.includes(text.trim().toLowerCase());

/** Shannon entropy of the characters, in bits a character. */
export function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

function isRandom(text: string): boolean {
  return text.length >= data.random.length && ALPHABET.test(text) && entropy(text) >= data.random.bitsPerCharacter;
}

/** Why a setting looks like a credential; `undefined` when it does not. */
export function suspicion(key: string, text: string): string | undefined {
  const value = text.trim();
  const format = formatOf(value);
  if (format !== undefined) return `it holds ${format}`;
  if (value.includes("\n") || /^[[{]/.test(value)) return inFile(value);
  if (REFERENCE.test(value)) return undefined;
  if (isCredentialName(key)) return "its name is that of a credential";
  return isRandom(value) ? "it is long and random" : undefined;
}

/** Looks through a file that is kept in one value, a configuration of lines or JSON. */
function inFile(text: string): string | undefined {
  const json = parseJson(text);
  if (json !== undefined) return inTree(json);
  for (const line of text.split("\n")) {
    const { key, value } = LINE.exec(line)?.groups ?? {};
    if (key === undefined || value === undefined || !isCredentialName(key)) continue;
    const bare = value.replace(/^(["'])(.*)\1$/, "$2");
    // Code reads credentials from somewhere; only a literal is one.
    if (!REFERENCE.test(bare) && !/[()[\]]/.test(bare)) return `its line '${key}' has the name of a credential`;
  }
  return undefined;
}

function parseJson(text: string): unknown {
  if (!/^[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    // Another syntax that begins alike, such as INI's sections.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function inTree(tree: unknown): string | undefined {
  if (typeof tree !== "object" || tree === null) return undefined;
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === "string") {
      if (!REFERENCE.test(value.trim()) && isCredentialName(key))
        return `its key '${key}' has the name of a credential`;
    } else {
      const found = inTree(value);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
