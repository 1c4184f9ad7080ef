import { join } from "node:path";
import { isRecord, YamlFile } from "../../local/engine/project/document";
import type { StackReport } from "./report";

/** Finds the line of a stack's file that a finding is about. Lines count from 1, which also stands for "somewhere". */
export interface Lines {
  /** The key that configures the component which the resource belongs to. */
  readonly ofResource: (urn: string | undefined) => number;
  /** The key, or the line, that an error names. */
  readonly ofError: (message: string) => number;
}

export async function linesOf(root: string, { file }: StackReport): Promise<Lines> {
  // A file that is no YAML is among the errors that are being told, with its line.
  const yaml = await YamlFile.load(join(root, file)).catch(() => undefined);
  const config: unknown = isRecord(yaml?.content) ? yaml.content["config"] : undefined;
  const keys = isRecord(config) ? Object.keys(config) : [];
  const line = (...path: readonly (string | number)[]): number =>
    Number(/:(\d+)$/.exec(yaml?.at(...path) ?? "")?.[1] ?? 1);
  return {
    ofResource: (urn) => {
      const words = urn === undefined ? [] : wordsOf(urn);
      const key = words.flatMap((word) => keys.find((each) => sounds(each, word)) ?? []).at(0);
      return key === undefined ? 1 : line("config", key);
    },
    ofError: (message) => {
      const given = new RegExp(`${file.replaceAll(".", "\\.")}:(\\d+)`).exec(message)?.[1];
      if (given !== undefined) return Number(given);
      const named = keys
        .flatMap((key) => pathsIn(message, key))
        .sort((a, b) => a.at - b.at)
        .at(0);
      return named === undefined ? 1 : line("config", ...named.path);
    },
  };
}

/** The resource's name and what begins it, then the last words of the types around it, innermost first. */
function wordsOf(urn: string): string[] {
  const [, , types = "", ...rest] = urn.split("::");
  const name = rest.join("::");
  const parts = name.split("-").map((_, index, all) => all.slice(0, all.length - index).join("-"));
  const kinds = types.split("$").reverse();
  return [...parts, ...kinds.flatMap((type) => type.split(":").slice(1).reverse())].map((word) => word.toLowerCase());
}

/** `ballast:namespaces` sounds like `Namespace`. */
function sounds(key: string, word: string): boolean {
  const name = key.slice(key.indexOf(":") + 1).toLowerCase();
  return name === word || name === `${word}s`;
}

/** Where a message names a key, with what it names within: `ballast:postgres.resources.cpu`. */
function pathsIn(message: string, key: string): { at: number; path: (string | number)[] }[] {
  const at = message.indexOf(key);
  if (at < 0 || /[\w-]/.test(message[at + key.length] ?? "")) return [];
  const rest = /^(?:\.[A-Za-z_]\w*|\[\d+\])*/.exec(message.slice(at + key.length))?.[0] ?? "";
  const parts = [...rest.matchAll(/\.(\w+)|\[(\d+)\]/g)].map(([, name, index]) => name ?? Number(index));
  return [{ at, path: [key, ...parts] }];
}
