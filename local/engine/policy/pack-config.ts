import type { AnalyzerInfo, PolicyInfo } from "@pulumi/pulumi/proto/analyzer_pb";
import { EnforcementLevel } from "@pulumi/pulumi/proto/analyzer_pb";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";
import { z } from "zod";

export interface PolicySetting {
  readonly level: EnforcementLevel;
  readonly properties: Record<string, JavaScriptValue>;
}

const LEVELS: Readonly<Record<string, EnforcementLevel>> = {
  advisory: EnforcementLevel.ADVISORY,
  mandatory: EnforcementLevel.MANDATORY,
  remediate: EnforcementLevel.REMEDIATE,
  disabled: EnforcementLevel.DISABLED,
};
/** Stands for every policy of the pack. */
const ALL = "all";

interface Given {
  level?: EnforcementLevel;
  properties: Record<string, unknown>;
}

/**
 * The setting of each policy: what the user configures, over the pack's own initial configuration, over each policy's own level and
 * the defaults of its schema.
 * @throws Error that names every policy and property at fault.
 */
export function reconcile(info: AnalyzerInfo, config: Readonly<Record<string, unknown>>): Map<string, PolicySetting> {
  const pack = info.getName();
  const policies = new Map(info.getPoliciesList().map((policy) => [policy.getName(), policy]));
  const problems: string[] = [];
  const given = new Map<string, Given>();
  for (const [name, value] of Object.entries(config)) {
    if (name !== ALL && !policies.has(name)) {
      problems.push(`${name}: there is no such policy; the pack has ${[...policies.keys()].join(", ") || "none"}`);
      continue;
    }
    const parsed = parseSetting(value);
    if (typeof parsed === "string") problems.push(`${name}: ${parsed}`);
    else if (name === ALL && Object.keys(parsed.properties).length > 0) {
      problems.push(`${ALL}: takes an enforcement level only, not ${Object.keys(parsed.properties).join(", ")}`);
    } else given.set(name, parsed);
  }
  const initial = initialConfig(info);
  const settings = new Map<string, PolicySetting>();
  for (const [name, policy] of policies) {
    const level =
      given.get(name)?.level ??
      given.get(ALL)?.level ??
      initial.get(name)?.level ??
      initial.get(ALL)?.level ??
      policy.getEnforcementlevel();
    const wanted = { ...initial.get(name)?.properties, ...given.get(name)?.properties };
    // What is switched off need not be configured.
    const checked = level === EnforcementLevel.DISABLED ? {} : validate(policy, wanted);
    if (Array.isArray(checked)) problems.push(...checked.map((problem) => `${name}${problem}`));
    else settings.set(name, { level, properties: checked });
  }
  if (problems.length === 0) return settings;
  throw new Error(
    `the configuration of policy pack "${pack}" is wrong:\n${problems.map((problem) => `  ${problem}`).join("\n")}`,
  );
}

function parseSetting(value: unknown): Given | string {
  const text = typeof value === "string" ? value : undefined;
  if (text !== undefined)
    return LEVELS[text] === undefined ? wrongLevel(text) : { level: LEVELS[text], properties: {} };
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return `must be an enforcement level or an object`;
  const { enforcementLevel, ...properties } = value as Record<string, unknown>;
  if (enforcementLevel === undefined) return { properties };
  const level = typeof enforcementLevel === "string" ? LEVELS[enforcementLevel] : undefined;
  return level === undefined ? wrongLevel(JSON.stringify(enforcementLevel)) : { level, properties };
}

const wrongLevel = (text: string): string =>
  `${text} is no enforcement level; there are ${Object.keys(LEVELS).join(", ")}`;

function initialConfig(info: AnalyzerInfo): Map<string, Given> {
  const result = new Map<string, Given>();
  for (const [name, config] of info.getInitialconfigMap().entries()) {
    result.set(name, { level: config.getEnforcementlevel(), properties: config.getProperties()?.toJavaScript() ?? {} });
  }
  return result;
}

/** The properties with the schema's defaults, or what is wrong with them, each after its path. */
function validate(policy: PolicyInfo, properties: Record<string, unknown>): Record<string, JavaScriptValue> | string[] {
  const declared = policy.getConfigschema();
  if (!declared) {
    const names = Object.keys(properties);
    return names.length === 0
      ? {}
      : [`: takes no configuration beside its enforcement level, but ${names.join(", ")} is given`];
  }
  const schema = z.fromJSONSchema({
    type: "object",
    properties: (declared.getProperties()?.toJavaScript() ?? {}) as Record<string, z.core.JSONSchema.JSONSchema>,
    required: declared.getRequiredList(),
    additionalProperties: false,
  });
  const result = schema.safeParse(properties);
  if (result.success) return result.data as Record<string, JavaScriptValue>;
  return result.error.issues.map(
    ({ path, message }) => `${path.map((part) => `.${String(part)}`).join("")}: ${message}`,
  );
}
