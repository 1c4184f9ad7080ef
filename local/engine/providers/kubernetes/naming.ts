import { createHash } from "node:crypto";

import type { CheckFailure } from "../../provider";
import { isMap, type PropertyMap, type PropertyValue } from "../../values";
import { isUnknown } from "./object";

export const AUTONAMED = "pulumi.com/autonamed";
const MAX_NAME = 253;

export interface Named {
  readonly metadata: PropertyMap;
  readonly failures: readonly CheckFailure[];
}

const autonamed = (metadata: PropertyMap | undefined): boolean => {
  const annotations = metadata?.["annotations"];
  return annotations !== undefined && isMap(annotations) && annotations[AUTONAMED] === "true";
};

/** Whether the object's name was chosen here, so that a replacement can stand beside it. */
export function isAutonamed(inputs: PropertyMap): boolean {
  const metadata = inputs["metadata"];
  return metadata !== undefined && isMap(metadata) && (autonamed(metadata) || metadata["generateName"] !== undefined);
}

/**
 * Gives metadata its name: the one given, else the automatic name it had before, else `<logical name>-<8 hex digits>` (after
 * `generateName`: five). The name comes from the seed alone, so a preview and the deployment after it agree.
 */
export function assignName(logicalName: string, given: PropertyMap, old: PropertyMap | undefined, seed: Buffer): Named {
  const name = given["name"];
  const prefix = given["generateName"];
  if (isUnknown(name) || isUnknown(prefix)) return { metadata: given, failures: [] };
  if (name !== undefined && name !== "" && prefix === undefined) {
    if (typeof name === "string") return { metadata: given, failures: [] };
    return { metadata: given, failures: [{ property: "metadata.name", reason: `must be text, is ${describe(name)}` }] };
  }
  if (name !== undefined && name !== "") {
    return {
      metadata: given,
      failures: [
        {
          property: "metadata.generateName",
          reason: `cannot stand beside metadata.name ("${describe(name)}"): leave one out`,
        },
      ],
    };
  }
  const digest = createHash("sha256").update(seed).update(logicalName).digest("hex");
  if (prefix !== undefined) {
    if (typeof prefix !== "string") {
      return {
        metadata: given,
        failures: [{ property: "metadata.generateName", reason: `must be text, is ${describe(prefix)}` }],
      };
    }
    const kept = old?.["generateName"] === prefix ? old["name"] : undefined;
    return { metadata: { ...given, name: kept ?? `${prefix}${digest.slice(0, 5)}` }, failures: [] };
  }
  const kept = autonamed(old) ? old?.["name"] : undefined;
  const made = `${logicalName}-${digest.slice(0, 8)}`;
  const annotations = given["annotations"];
  const metadata = {
    ...given,
    name: kept ?? made,
    annotations: { ...(annotations !== undefined && isMap(annotations) ? annotations : {}), [AUTONAMED]: "true" },
  };
  if (kept === undefined && made.length > MAX_NAME) {
    return {
      metadata,
      failures: [
        {
          property: "metadata.name",
          reason: `the automatic name has ${made.length} characters, at most ${MAX_NAME} are allowed: give a name`,
        },
      ],
    };
  }
  return { metadata, failures: [] };
}

const describe = (value: PropertyValue): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "unknown");

/** The field manager of a resource: always the same, so that a run after a killed one knows its own objects again. */
export function fieldManager(urn: string): string {
  return `pulumi-kubernetes-${createHash("sha256").update(urn).digest("hex").slice(0, 8)}`;
}
