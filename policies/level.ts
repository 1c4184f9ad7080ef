import { ENVIRONMENTS } from "./ceilings";

/** What a breach does: `remediate` is left to the user's own configuration, because it changes what is deployed. */
export type Level = "advisory" | "mandatory" | "disabled";

const FILE = "policies/levels.json";
const LEVELS: readonly string[] = ["advisory", "mandatory", "disabled"];
/** A stack whose environment is none is held to these. */
const STRICTEST = "prod";

/** Rules whose level in an environment is not the default, `mandatory`. */
export type Levels = ReadonlyMap<string, ReadonlyMap<string, Level>>;

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Checks the content of `levels.json`; throws an error that names environment, rule and value. */
export function readLevels(data: unknown, ruleNames: readonly string[]): Levels {
  const environments = isMap(data) ? data["environments"] : undefined;
  if (!isMap(environments)) throw new Error(`${FILE}: 'environments' must be an object of levels by rule`);
  return new Map(
    Object.entries(environments).map(([environment, levels]) => {
      const place = `${FILE}: environments.${environment}`;
      if (!ENVIRONMENTS.includes(environment)) {
        throw new Error(`${place}: there is no such environment; they are ${ENVIRONMENTS.join(", ")}`);
      }
      if (!isMap(levels)) throw new Error(`${place}: must be an object of levels by rule`);
      return [environment, new Map(Object.entries(levels).map(([rule, level]) => read(place, rule, level, ruleNames)))];
    }),
  );
}

function read(place: string, rule: string, level: unknown, ruleNames: readonly string[]): [string, Level] {
  if (!ruleNames.includes(rule)) {
    throw new Error(`${place}.${rule}: there is no such rule; the rules are ${ruleNames.join(", ")}`);
  }
  if (!LEVELS.includes(level as string)) {
    throw new Error(`${place}.${rule}: ${JSON.stringify(level)} is no level; write one of ${LEVELS.join(", ")}`);
  }
  return [rule, level as Level];
}

/** The level of a rule in an environment. */
export function levelIn(levels: Levels, environment: string, rule: string): Level {
  const known = levels.get(environment) ?? levels.get(STRICTEST);
  return known?.get(rule) ?? "mandatory";
}
