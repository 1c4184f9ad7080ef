import { access, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

const authorities = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
const settings = ["index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "retries"] as const;

/**
 * What a step needs to reach the package indexes as this machine does: its certificate authorities and its pip settings.
 * Handed to builds as secrets, so that no layer keeps them.
 * @param folder a private folder that the files may be written to
 */
export async function hostSecrets(
  folder: string,
  environment: NodeJS.ProcessEnv = process.env,
  pipFiles: readonly string[] = ["/etc/pip.conf", join(homedir(), ".config", "pip", "pip.conf")],
): Promise<Record<string, string>> {
  const found: Partial<Record<(typeof settings)[number], string>> = {};
  for (const file of pipFiles) {
    const content = await readFile(file, "utf8").catch(() => "");
    for (const key of settings) {
      const value = new RegExp(`^\\s*${key}\\s*[=:]\\s*(.*(?:\\n[ \\t]+\\S.*)*)`, "m").exec(content)?.[1]?.trim();
      if (value) found[key] = value;
    }
  }
  for (const key of settings) {
    const value = environment[`PIP_${key.toUpperCase().replaceAll("-", "_")}`];
    if (value) found[key] = value;
  }
  const authority = await firstOf([environment.SSL_CERT_FILE, ...authorities]);
  const lines = ["[global]", ...(authority ? ["cert = /run/secrets/ca.pem"] : [])];
  for (const [key, value] of Object.entries(found)) lines.push(`${key} = ${value.replaceAll("\n", "\n  ")}`);
  const configuration = join(folder, "pip.conf");
  await writeFile(configuration, `${lines.join("\n")}\n`, { mode: 0o600 });
  return { "pip.conf": configuration, ...(authority && { "ca.pem": authority }) };
}

async function firstOf(paths: readonly (string | undefined)[]): Promise<string | undefined> {
  for (const path of paths) {
    if (!path) continue;
    const readable = await access(path).then(
      () => true,
      () => false,
    );
    if (readable) return path;
  }
  return undefined;
}
