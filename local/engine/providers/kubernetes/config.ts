import type { CheckFailure, CheckResponse, DiffKind, DiffResponse } from "../../provider";
import { hasUnknown, type PropertyMap, type PropertyValue } from "../../values";
import { resolveConnection } from "./connection/kubeconfig";
import { isUnknown } from "./object";

/** A provider's settings, from its inputs, each also a `kubernetes:*` config key. */
export interface ProviderSettings {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly cluster?: string;
  /** For objects that name none. @default the context's namespace, then "default" */
  readonly namespace?: string;
  readonly enablePatchForce: boolean;
  readonly enableConfigMapMutable: boolean;
  readonly enableSecretMutable: boolean;
  readonly suppressDeprecationWarnings: boolean;
  readonly deleteUnreachable: boolean;
  readonly skipUpdateUnreachable: boolean;
}

const text = ["kubeconfig", "context", "cluster", "namespace", "clusterIdentifier"] as const;
const flags = [
  "enablePatchForce",
  "enableConfigMapMutable",
  "enableSecretMutable",
  "suppressDeprecationWarnings",
  "deleteUnreachable",
  "skipUpdateUnreachable",
] as const;
/** Accepted and without effect here. */
const ignored = [
  "suppressHelmHookWarnings",
  "helmReleaseSettings",
  "kubeClientSettings",
  "upsertExistingObjects",
  "alwaysRender",
  "version",
  "pluginDownloadURL",
];

/** The SDK sends what is not text as JSON: `"true"`. */
function flag(value: PropertyValue | undefined): boolean | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  if (value === true || value === "true") return true;
  if (value === false || value === "false") return false;
  throw new TypeError();
}

export async function checkConfig(inputs: PropertyMap): Promise<CheckResponse> {
  const failures: CheckFailure[] = [];
  const fail = (property: string, reason: string): void => void failures.push({ property, reason });
  for (const [key, value] of Object.entries(inputs)) {
    if (value === null || isUnknown(value)) continue;
    if ((text as readonly string[]).includes(key)) {
      if (typeof value !== "string" && key !== "kubeconfig") fail(key, `must be text, is ${JSON.stringify(value)}`);
    } else if ((flags as readonly string[]).includes(key) || key === "enableServerSideApply") {
      try {
        const set = flag(value);
        if (key === "enableServerSideApply" && set === false) {
          fail(
            key,
            "must not be false: the embedded engine only has server-side apply; leave it out, or use the Pulumi CLI",
          );
        }
      } catch {
        fail(key, `must be true or false, is ${JSON.stringify(value)}`);
      }
    } else if (key === "renderYamlToDirectory") {
      if (value !== "") fail(key, "is not supported by the embedded engine; use the Pulumi CLI to render YAML");
    } else if (!ignored.includes(key)) {
      fail(key, `is no setting of the kubernetes provider; it has ${[...text, ...flags].join(", ")}`);
    }
  }
  return { inputs, failures };
}

/** Settings from checked inputs. The kubeconfig may also be an object (the program passed the parsed YAML). */
export function settingsOf(inputs: PropertyMap): ProviderSettings {
  const plain = (key: (typeof text)[number]): string | undefined => {
    const value = inputs[key];
    if (value === undefined || value === null || value === "" || isUnknown(value)) return undefined;
    return typeof value === "string" ? value : JSON.stringify(value);
  };
  const optional = Object.fromEntries(
    text
      .filter((key) => key !== "clusterIdentifier")
      .flatMap((key) => (plain(key) === undefined ? [] : [[key, plain(key)]])),
  ) as Partial<ProviderSettings>;
  const switches = Object.fromEntries(
    flags.map((key) => [key, flag(isUnknown(inputs[key]) ? undefined : inputs[key]) ?? false]),
  );
  return { ...optional, ...(switches as Record<(typeof flags)[number], boolean>) };
}

/**
 * Whether the settings lead to another cluster. With a `clusterIdentifier` only that decides; without, the server's address of
 * the active cluster. Renewed credentials or a moved file never replace anything.
 */
export async function diffConfig(olds: PropertyMap, news: PropertyMap): Promise<DiffResponse> {
  const detailed: Record<string, DiffKind> = {};
  const replaceKeys: string[] = [];
  for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) {
    const [before, after] = [olds[key] ?? undefined, news[key] ?? undefined];
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    detailed[key] = before === undefined ? "add" : after === undefined ? "delete" : "update";
  }
  const [oldIdentifier, newIdentifier] = [olds["clusterIdentifier"], news["clusterIdentifier"]];
  if (typeof oldIdentifier === "string" && typeof newIdentifier === "string") {
    if (oldIdentifier !== newIdentifier) replaceKeys.push("clusterIdentifier");
  } else if (["kubeconfig", "context", "cluster"].some((key) => key in detailed) && !hasUnknown(news)) {
    const [oldServer, newServer] = [serverOf(olds), serverOf(news)];
    if (oldServer !== undefined && newServer !== undefined && oldServer !== newServer) {
      replaceKeys.push(...["kubeconfig", "context", "cluster"].filter((key) => key in detailed));
    }
  }
  for (const key of replaceKeys)
    if (detailed[key] !== undefined) detailed[key] = `${detailed[key] as "add" | "delete" | "update"}-replace`;
  return { changed: Object.keys(detailed).length > 0, replaceKeys, detailed };
}

/** `undefined` when it cannot be told, for instance because the file is gone: then nothing is replaced for it. */
function serverOf(inputs: PropertyMap): string | undefined {
  const { kubeconfig, context, cluster } = settingsOf(inputs);
  try {
    return resolveConnection({
      ...(kubeconfig === undefined ? {} : { kubeconfig }),
      ...(context === undefined ? {} : { context }),
      ...(cluster === undefined ? {} : { cluster }),
    }).server;
  } catch {
    return undefined;
  }
}
