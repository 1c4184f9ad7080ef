import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1/customResourceDefinition";
import type { input } from "@pulumi/kubernetes/types";
import type * as pulumi from "@pulumi/pulumi";
import { platformLabels } from "../workload/labels";

interface Definition {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: input.apiextensions.v1.CustomResourceDefinitionSpec;
}

/** Kinds that are taken over from a release (see take.mjs), for where no chart brings them. */
export type DefinitionSet = "gateway-api" | "prometheus-operator";

/** Declares the kinds of `<set>.jsonl`. */
export function customDefinitions(
  set: DefinitionSet,
  options: pulumi.CustomResourceOptions,
): CustomResourceDefinition[] {
  const lines = readFileSync(join(__dirname, `${set}.jsonl`), "utf8")
    .trimEnd()
    .split("\n");
  return lines
    .map((line) => JSON.parse(line) as Definition)
    .map(
      ({ name, annotations, spec }) =>
        new CustomResourceDefinition(name, { metadata: { name, annotations, labels: platformLabels }, spec }, options),
    );
}
