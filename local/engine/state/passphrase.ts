import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, unlink } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";

/** Where the passphrase of a stack comes from. Resolves to `undefined` when the user gave none. */
export type PassphraseSource = () => Promise<string | undefined>;

/**
 * `PULUMI_CONFIG_PASSPHRASE`, else the content of `PULUMI_CONFIG_PASSPHRASE_FILE`, as the CLI reads them.
 * An empty variable is an empty passphrase, which Pulumi allows.
 */
export async function passphraseFromEnvironment(env: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  if (env["PULUMI_CONFIG_PASSPHRASE"] !== undefined) return env["PULUMI_CONFIG_PASSPHRASE"];
  const file = env["PULUMI_CONFIG_PASSPHRASE_FILE"];
  if (!file) return undefined;
  try {
    return (await readFile(resolve(file), "utf8")).trim();
  } catch (error) {
    throw new Error(`PULUMI_CONFIG_PASSPHRASE_FILE names ${file}, which cannot be read: ${(error as Error).message}`);
  }
}

/** Said when a stack needs a passphrase and there is none. */
export function missingPassphrase(where: string): Error {
  return new Error(
    `${where} keeps secrets: passphrase must be set with PULUMI_CONFIG_PASSPHRASE or PULUMI_CONFIG_PASSPHRASE_FILE ` +
      `environment variables`,
  );
}

/**
 * The passphrase of stacks on this machine's embedded cluster, for users who give none: made once, kept in
 * `~/.config/ballast/passphrase` (mode 0600). Such a stack lives and dies with the machine, as the file does.
 */
export async function localPassphrase(file = join(homedir(), ".config", "ballast", "passphrase")): Promise<string> {
  const existing = await readFile(file, "utf8").catch(ignoreMissing);
  if (existing?.trim()) return existing.trim();
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  const handle = await open(draft, "wx", 0o600);
  try {
    await handle.writeFile(`${randomBytes(24).toString("base64url")}\n`);
    await handle.sync();
    // Of two processes that start at once the first to link wins, and both read the same passphrase.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await handle.close();
    await unlink(draft);
  }
  const passphrase = (await readFile(file, "utf8")).trim();
  if (!passphrase) throw new Error(`${file} is empty: delete it, or put a passphrase into it`);
  return passphrase;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
  return undefined;
}
