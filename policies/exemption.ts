import { MAXIMUM_EXEMPTION_DAYS } from "./ceilings";
import type { KubernetesObject } from "./object";
import type { Context } from "./rule";

/** Leave to break one rule in one place until a date. An entry of `exemptions.json`. */
export interface Exemption {
  readonly rule: string;
  /** Kubernetes kind, `StatefulSet`. */
  readonly kind: string;
  /** @default any namespace */
  readonly namespace?: string;
  /** Name of the object, or its logical name in the program. */
  readonly name: string;
  /** @default all containers, and the workload as a whole */
  readonly container?: string;
  /** Name of the Helm release in the namespace that makes the object: a preview does not see it. @default the program declares the object */
  readonly release?: string;
  /** Pulumi project. @default any */
  readonly project?: string;
  /** Names of stacks. @default any */
  readonly stacks?: readonly string[];
  readonly reason: string;
  /** Last day on which it holds, `YYYY-MM-DD` in UTC. */
  readonly expires: string;
}

export const FILE = "policies/exemptions.json";
const REQUIRED = ["rule", "kind", "name", "reason", "expires"] as const;
const OPTIONAL = ["namespace", "container", "release", "project"] as const;
const KEYS: readonly string[] = [...REQUIRED, ...OPTIONAL, "stacks"];
const DAY = 24 * 60 * 60 * 1000;

/** Checks the content of `exemptions.json`; throws an error that names entry, key and value. */
export function readExemptions(data: unknown, ruleNames: readonly string[]): Exemption[] {
  if (!Array.isArray(data)) throw new Error(`${FILE}: must be a list of exemptions`);
  return (data as unknown[]).map((entry, index) => readExemption(entry, `${FILE}: entry ${index}`, ruleNames));
}

function readExemption(entry: unknown, place: string, ruleNames: readonly string[]): Exemption {
  if (typeof entry !== "object" || entry === null || Array.isArray(entry))
    throw new Error(`${place}: must be an object`);
  const fields = entry as Readonly<Record<string, unknown>>;
  for (const key of Object.keys(fields)) {
    if (!KEYS.includes(key)) throw new Error(`${place}: unknown key '${key}'; the keys are ${KEYS.join(", ")}`);
  }
  for (const key of REQUIRED) {
    if (fields[key] === undefined) throw new Error(`${place}: '${key}' is missing`);
  }
  for (const key of [...REQUIRED, ...OPTIONAL]) {
    const value = fields[key];
    if (value !== undefined && (typeof value !== "string" || value.trim() === "")) {
      throw new Error(`${place}: '${key}' is ${JSON.stringify(value)}; write a text that is not empty`);
    }
  }
  const exemption = fields as unknown as Exemption;
  const { stacks } = exemption as { stacks?: unknown };
  if (stacks !== undefined && !(Array.isArray(stacks) && stacks.every((stack) => typeof stack === "string"))) {
    throw new Error(`${place}: 'stacks' is ${JSON.stringify(stacks)}; write a list of stack names`);
  }
  if (!ruleNames.includes(exemption.rule)) {
    throw new Error(`${place}: 'rule' is '${exemption.rule}'; the rules are ${ruleNames.join(", ")}`);
  }
  if (!isDate(exemption.expires)) {
    throw new Error(`${place}: 'expires' is '${exemption.expires}'; write a date as YYYY-MM-DD`);
  }
  return exemption;
}

function isDate(text: string): boolean {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}

/** The day that an exemption's date is compared with, in UTC. */
export const today = (): string => new Date().toISOString().slice(0, 10);

export const isExpired = (exemption: Exemption, day: string): boolean => exemption.expires < day;

export const isTooFar = (exemption: Exemption, day: string): boolean =>
  Date.parse(exemption.expires) - Date.parse(day) > MAXIMUM_EXEMPTION_DAYS * DAY;

export function concerns(exemption: Exemption, { project, stack }: Pick<Context, "project" | "stack">): boolean {
  return (exemption.project ?? project) === project && (exemption.stacks ?? [stack]).includes(stack);
}

/** Whether `exemption` covers a finding about `object`, or about one of its containers. */
export function covers(exemption: Exemption, object: KubernetesObject, container?: string): boolean {
  return (
    exemption.kind === object.kind &&
    (exemption.namespace === undefined || exemption.namespace === object.namespace) &&
    (exemption.name === object.name || exemption.name === object.logicalName) &&
    (exemption.container === undefined || exemption.container === container)
  );
}

/** How messages name an exemption. */
export function describe(exemption: Exemption): string {
  const place = exemption.namespace === undefined ? exemption.name : `${exemption.namespace}/${exemption.name}`;
  const container = exemption.container === undefined ? "" : `, container '${exemption.container}'`;
  return `exemption of ${exemption.kind} ${place}${container} from '${exemption.rule}'`;
}
