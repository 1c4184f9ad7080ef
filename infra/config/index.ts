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
  ClusterConfig,
  DatabaseConfig,
  DatabasesConfig,
  Environment,
  PostgresConfig,
  QuotaConfig,
  ResourcesConfig,
  StackConfig,
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
  if (!parsed.success) throw new ConfigError(file, problemsOf(parsed.error, raw, knownKeys));
  const problems = crossChecks(parsed.data, ceilingOf(parsed.data.environment));
  if (problems.length > 0) throw new ConfigError(file, problems);
  return parsed.data;
}

/** Keys that the schema allows at a path of the file; none where the path leads nowhere. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  const shapes = path.reduce<z.core.$ZodType[]>(
    (found, part) => found.flatMap((schema) => step(schema, part)),
    [stackSchema],
  );
  return [
    ...new Set(shapes.flatMap((schema) => objects(schema).flatMap((object) => Object.keys(object._zod.def.shape)))),
  ];
}

/** The objects that a schema stands for, seen through defaults, options and unions. */
function objects(schema: z.core.$ZodType): z.core.$ZodObject[] {
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  if (def.type === "object") return [schema as z.core.$ZodObject];
  if (def.type === "default" || def.type === "prefault" || def.type === "optional") return objects(def.innerType);
  return def.type === "union" ? def.options.flatMap(objects) : [];
}

function step(schema: z.core.$ZodType, part: PropertyKey): z.core.$ZodType[] {
  const { def } = schema._zod as z.core.$ZodTypes["_zod"];
  if (def.type === "array" && typeof part === "number") return [def.element];
  return objects(schema).flatMap((object) => object._zod.def.shape[String(part)] ?? []);
}
