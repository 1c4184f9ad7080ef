import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1/customResourceDefinition";
import type { input } from "@pulumi/kubernetes/types";
import type * as pulumi from "@pulumi/pulumi";
import { platformLabels } from "../../workload/labels";

interface Definition {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: input.apiextensions.v1.CustomResourceDefinitionSpec;
}

/** Where no chart brings them: the kinds of the Gateway API that an implementation watches, from `gateway-api.jsonl` (see take.mjs). */
export function gatewayDefinitions(options: pulumi.CustomResourceOptions): CustomResourceDefinition[] {
  const lines = readFileSync(join(__dirname, "gateway-api.jsonl"), "utf8").trimEnd().split("\n");
  return lines
    .map((line) => JSON.parse(line) as Definition)
    .map(
      ({ name, annotations, spec }) =>
        new CustomResourceDefinition(name, { metadata: { name, annotations, labels: platformLabels }, spec }, options),
    );
}
