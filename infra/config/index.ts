import * as pulumi from "@pulumi/pulumi";
import type { z } from "zod";
import { readCeiling } from "./ceilings";
import type { ConfigProblem } from "./errors";
import { ConfigError, problemsOf } from "./errors";
import type { Ceiling } from "./rules";
import { crossChecks } from "./rules";
import type { Environment, StackConfig } from "./schema";
import { stackSchema } from "./schema";

export type {
  CloudConfig,
  ClusterConfig,
  DigitalOceanConfig,
  EksConfig,
  EmbeddedConfig,
  ExistingConfig,
  NodePoolConfig,
} from "./clusters";
export type {
  AutoscalingConfig,
  DatabaseConfig,
  DatabasesConfig,
  Environment,
  PostgresConfig,
  QuotaConfig,
  ResourcesConfig,
  StackConfig,
  TaskDbConfig,
} from "./schema";
export { ConfigError } from "./errors";

/** Where the project's values come from: `pulumi.Config` in a program, plain objects in tests. */
export interface ConfigSource {
  readonly stack: string;
  /** Every key of the project's namespace (without `ballast:`) and its text as Pulumi hands it over. */
  readonly values: Readonly<Record<string, string>>;
}

/** The ambient stack's values. */
export function ambientSource(): ConfigSource {
  const project = pulumi.getProject();
  const prefix = `${project}:`;
  const values = Object.entries(pulumi.runtime.allConfig())
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, text]) => [key.slice(prefix.length), text] as const);
  return { stack: pulumi.getStack(), values: Object.fromEntries(values) };
}

/**
 * Reads and checks the whole configuration of a stack before anything is declared.
 *
 * @throws ConfigError naming every key that is wrong, its value, and what would be right
 */
export function readConfig(
  source: ConfigSource,
  ceilingOf: (environment: Environment) => Ceiling = readCeiling,
): StackConfig {
  const file = `stacks/Pulumi.${source.stack}.yaml`;
  const unreadable: ConfigProblem[] = [];
  const raw = Object.fromEntries(
    Object.entries(source.values).map(([key, text]) => {
      if (key === "environment") return [key, text];
      try {
        return [key, JSON.parse(text) as unknown];
      } catch {
        unreadable.push({ key, message: `is "${text}"; it must be a mapping with keys` });
        return [key, {}];
      }
    }),
  );
  if (unreadable.length > 0) throw new ConfigError(file, unreadable);
  const parsed = stackSchema.safeParse(raw);
  if (!parsed.success)
    throw new ConfigError(
      file,
      problemsOf(parsed.error, raw, (path) => knownKeys(path, raw)),
    );
  const problems = crossChecks(parsed.data, ceilingOf(parsed.data.environment));
  if (problems.length > 0) throw new ConfigError(file, problems);
  return parsed.data;
}

/** Keys that the schema allows at a path of the file, beside the values that stand there; none where the path leads nowhere. */
function knownKeys(path: readonly PropertyKey[], root: unknown): string[] {
  let found: { schemas: z.core.$ZodType[]; value: unknown } = { schemas: [stackSchema], value: root };
  for (const part of path) {
    const { schemas, value } = found;
    found = {
      schemas: schemas.flatMap((schema) => step(schema, value, part)),
      value: (value as Record<PropertyKey, unknown> | undefined)?.[part],
    };
  }
  const shapes = found.schemas.flatMap((schema) => objects(schema, found.value));
  return [...new Set(shapes.flatMap((object) => Object.keys(object._zod.def.shape)))];
}

/** The objects that a schema stands for, seen through defaults and options; of a union the variant that the value says it is. */
function objects(schema: z.core.$ZodType, value: unknown): z.core.$ZodObject[] {
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  if (def.type === "object") return [schema as z.core.$ZodObject];
  if (def.type === "default" || def.type === "prefault" || def.type === "optional")
    return objects(def.innerType, value);
  if (def.type !== "union") return [];
  const variants = def.options.flatMap((option) => objects(option, value));
  const { discriminator } = def as { discriminator?: string };
  if (discriminator === undefined) return variants;
  const chosen = (value as Record<string, unknown> | undefined)?.[discriminator];
  return variants.filter((variant) => variant._zod.propValues?.[discriminator]?.has(chosen as z.core.util.Primitive));
}

function step(schema: z.core.$ZodType, value: unknown, part: PropertyKey): z.core.$ZodType[] {
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  if (def.type === "array" && typeof part === "number") return [def.element];
  return objects(schema, value).flatMap((object) => object._zod.def.shape[String(part)] ?? []);
}
