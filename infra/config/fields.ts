import { z } from "zod";
import { parseRange } from "./addresses";
import type { Bytes, Cpu } from "./quantity";
import { formatBytes, formatCpu, parseBytes, parseCpu, parsePostgresSize, parseSeconds } from "./quantity";

/**
 * The kinds of value that a stack file holds. Each carries in `description` the words that finish an error:
 * "… must be <description>".
 */

function amount<T extends { value: number }>(
  parse: (text: string) => T | undefined,
  range: { readonly min: T; readonly max: T },
  description: string,
): z.ZodType<T, string | number> {
  return z
    .union([z.string(), z.number()], { error: description })
    .transform((raw, context) => {
      const parsed = parse(String(raw));
      if (parsed && parsed.value >= range.min.value && parsed.value <= range.max.value) return parsed;
      context.addIssue({ code: "custom", message: description });
      return z.NEVER;
    })
    .describe(description);
}

/** CPU between two amounts. */
export function cpu(min: string, max: string): z.ZodType<Cpu, string | number> {
  const range = { min: required(parseCpu(min)), max: required(parseCpu(max)) };
  const words = `CPU from ${formatCpu(range.min.value)} to ${formatCpu(range.max.value)} cores, for example "500m" or 2`;
  return amount(parseCpu, range, words);
}

/** Memory or storage between two amounts. */
export function bytes(min: string, max: string): z.ZodType<Bytes, string | number> {
  const range = { min: required(parseBytes(min)), max: required(parseBytes(max)) };
  const words = `an amount from ${formatBytes(range.min.value)} to ${formatBytes(range.max.value)} with its unit, for example "${range.min.text}"`;
  return amount(parseBytes, range, words);
}

/** A size in PostgreSQL's own units (kB, MB, GB). */
export function postgresSize(min: string, max: string): z.ZodType<Bytes, string | number> {
  const range = { min: required(parsePostgresSize(min)), max: required(parsePostgresSize(max)) };
  return amount(parsePostgresSize, range, `a size from ${min} to ${max} in PostgreSQL's units (kB, MB, GB)`);
}

/** A duration of whole seconds; the parsed value is in seconds. */
export function seconds(min: number, max: number): z.ZodType<number, string | number> {
  const words = `a duration from ${min}s to ${max}s in whole seconds with its unit, for example "${min}s"`;
  return z
    .union([z.string(), z.number()], { error: words })
    .transform((raw, context) => {
      const value = typeof raw === "string" ? parseSeconds(raw) : undefined;
      if (value !== undefined && Number.isInteger(value) && value >= min && value <= max) return value;
      context.addIssue({ code: "custom", message: words });
      return z.NEVER;
    })
    .describe(words);
}

/** A whole number; `what` says what it counts. */
export function whole(min: number, max: number, what: string): z.ZodNumber {
  const words = `a whole number from ${min} to ${max} (${what})`;
  return z.number({ error: words }).int({ error: words }).min(min, { error: words }).max(max, { error: words });
}

/** A name that Kubernetes accepts for an object. */
export function objectName(what: string): z.ZodString {
  const words = `${what}: lower-case letters, digits and '-', at most 63, starting with a letter`;
  return z.string({ error: words }).regex(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, { error: words });
}

/** A name that PostgreSQL takes without quotes. */
export function sqlName(what: string): z.ZodString {
  const words = `${what}: lower-case letters, digits and '_', at most 48, starting with a letter`;
  return z.string({ error: words }).regex(/^[a-z][a-z0-9_]{0,47}$/, { error: words });
}

/** An IPv4 address range whose address is the first of it. */
export function cidr(): z.ZodType<string, string> {
  const words = 'an address range, for example "10.0.0.0/16"';
  return z.string({ error: words }).refine((text) => parseRange(text) !== undefined, { error: words });
}

/** A DNS name of at least two labels. */
export function domain(what: string): z.ZodString {
  const words = `${what}, for example "example.com"`;
  return z
    .string({ error: words })
    .regex(/^(?!.{254})([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, { error: words });
}

/** At least one of something; `what` names the plural. */
export function list<T extends z.ZodType>(of: T, what: string): z.ZodArray<T> {
  const words = `a list of at least one (${what})`;
  return z.array(of, { error: words }).min(1, { error: words });
}

/** One of a few words. */
export function oneOf<const T extends readonly string[]>(words: T): z.ZodEnum<{ [K in T[number]]: K }> {
  return z.enum(words, { error: `one of ${words.map((word) => `"${word}"`).join(", ")}` });
}

/** A sentence that says why; an empty one is refused. */
export function reason(what: string): z.ZodString {
  const words = `a sentence of at least 10 letters that says ${what}`;
  return z.string({ error: words }).trim().min(10, { error: words });
}

/** A mapping with exactly these keys. */
export function mapping<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, { error: `a mapping with the keys ${Object.keys(shape).join(", ")}` });
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a range in infra/config/schema.ts is not an amount");
  return value;
}
