import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parse, stringify } from "yaml";
import { cacheRoot } from "./cache.mjs";
import { writeWhole } from "./configuration";
import type { RunningCluster } from "./up";

interface Kubeconfig {
  readonly "current-context"?: string;
  readonly contexts?: readonly { readonly name: string }[];
}

/**
 * A cluster that somebody else made: the same shape as ours, with no life cycle.
 * @param context the kubeconfig's current one when undefined; another one is chosen in a copy of the file (mode 0600)
 * @throws when the file is not a kubeconfig, or has no such context
 */
export async function existingCluster(kubeconfig: string, context?: string): Promise<RunningCluster> {
  const path = resolve(kubeconfig);
  const text = await readFile(path, "utf8").catch((error: Error) => {
    throw new Error(`--kubeconfig ${kubeconfig} cannot be read: ${error.message}`);
  });
  const content = parseKubeconfig(path, text);
  const names = (content.contexts ?? []).map(({ name }) => name);
  const chosen = context ?? content["current-context"];
  if (!chosen)
    throw new Error(`${path} has no current-context; choose one with --context: ${names.join(", ") || "it has none"}`);
  if (!names.includes(chosen))
    throw new Error(`${path} has no context "${chosen}"; its contexts: ${names.join(", ") || "none"}`);
  if (chosen === content["current-context"]) return { name: chosen, kubeconfig: path };
  const copy = join(
    cacheRoot(),
    "contexts",
    createHash("sha256").update(`${path}\0${chosen}`).digest("hex").slice(0, 16),
  );
  await writeWhole(copy, stringify({ ...content, "current-context": chosen }, { lineWidth: 0 }));
  return { name: chosen, kubeconfig: copy };
}

function parseKubeconfig(path: string, text: string): Kubeconfig {
  try {
    const content = parse(text) as unknown;
    if (typeof content === "object" && content !== null && "contexts" in content) return content as Kubeconfig;
  } catch {
    // The same message for all that is no kubeconfig: the parser would quote lines that may hold a credential.
  }
  throw new Error(`${path} is not a kubeconfig: it has no "contexts"`);
}
