import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { ENVIRONMENTS } from "./ceilings";
import { levelIn, type Levels, readLevels } from "./level";
import levelList from "./levels.json";
import limits from "./limits.json";
import { rulesOf } from "./pack";
import prices from "./prices.json";
import { ANY_OBJECT } from "./object";
import { type ContainerRule, FRAMEWORKS, type ObjectRule, type Reference, type Rule } from "./rule";

/** Writes `docs/policies.md` from the rules (`--write`), or exits with 1 when it is out of date (`--check`). */

export const CATALOGUE = join(__dirname, "../docs/policies.md");

const CHECKED = {
  container: "each container, before the resource is changed",
  workload: "each workload, before the resource is changed",
  object: "each object, before the resource is changed",
  stack: "the stack as a whole",
} as const;

const cell = (text: string): string => text.replaceAll("|", "\\|");

function rulesTable(rules: readonly Rule[]): string[] {
  return [
    "| rule | severity | what holds |",
    "| --- | --- | --- |",
    ...rules.map(({ name, severity, description }) => `| [${name}](#${name}) | ${severity} | ${cell(description)} |`),
  ];
}

function reference({ framework, control }: Reference): string {
  const { version, url } = FRAMEWORKS[framework];
  return `[${framework}](${url}) ${version}: ${control}`;
}

const kinds = (names: readonly string[]): string =>
  names
    .map((name) => (name === ANY_OBJECT ? "all of Kubernetes" : name.includes("/") ? `\`${name}\`` : name))
    .join(", ");

/** A row for each rule that is not mandatory everywhere. */
function levelsTable(rules: readonly Rule[], levels: Levels): string[] {
  const rows = rules
    .map(({ name }) => [name, ...ENVIRONMENTS.map((environment) => levelIn(levels, environment, name))])
    .filter(([, ...row]) => row.some((level) => level !== "mandatory"));
  return [
    `| rule | ${ENVIRONMENTS.join(" | ")} |`,
    `| --- |${" --- |".repeat(ENVIRONMENTS.length)}`,
    ...rows.map(([name = "", ...row]) => `| [${name}](#${name}) | ${row.join(" | ")} |`),
  ];
}

function section(rule: Rule): string[] {
  const settings = Object.entries(rule.config ?? {}).map(
    ([key, { description = "", enum: values }]) =>
      `- Setting \`${key}\`: ${description}${values === undefined ? "" : ` One of ${values.map(String).join(", ")}.`}`,
  );
  const parts = {
    container: () => ` Containers: ${(rule as ContainerRule).roles.join(", ")}.`,
    workload: () => "",
    object: () => ` Kinds: ${kinds((rule as ObjectRule).kinds)}.`,
    stack: () => "",
  }[rule.scope]();
  return [
    `### ${rule.name}`,
    "",
    rule.description,
    "",
    `- Severity ${rule.severity}. Checked on ${CHECKED[rule.scope]}.${parts}`,
    `- Remediation: ${rule.remediation}`,
    `- Asked for by: ${rule.references.map(reference).join("; ")}`,
    ...settings,
    "",
  ];
}

/** The content of the catalogue. */
export function catalogue(): string {
  const rules = rulesOf([]);
  return [
    "# Policies",
    "",
    "<!-- Made from the rules by `npx tsx policies/catalogue.ts --write`; do not edit. -->",
    "",
    "What a workload must declare before it may run. The pack is `policies/`; `ballast preview` and `ballast up` run it, and so does",
    "`pulumi preview --policy-pack policies`. A mandatory violation stops the run before anything changes. A value that a preview cannot",
    "know yet gives an advisory note, and is checked when it is known.",
    "",
    ...rulesTable(rules),
    "",
    "## Levels",
    "",
    "By environment, from `policies/levels.json`; what is not listed is mandatory everywhere. A stack is of the environment that it is called,",
    "or that its name begins with (`prod-eu`); any other is held to the levels of prod. A `--policy-pack-config` goes before both.",
    "",
    ...levelsTable(
      rules,
      readLevels(
        levelList,
        rules.map(({ name }) => name),
      ),
    ),
    "",
    "## Numbers",
    "",
    "From `policies/limits.json`: the most that one container may have; the nodes of a cluster that the stack does not make itself; what the",
    "stack may cost a month; and the version of Kubernetes.",
    "",
    "| environment | CPU | memory | nodes | USD a month | Kubernetes |",
    "| --- | --- | --- | --- | --- | --- |",
    ...Object.entries(limits.environments).map(
      ([name, { container, nodes, monthlyUsd, kubernetes }]) =>
        `| ${name} | ${container.cpu} | ${container.memory} | ${nodes.count} × ${nodes.cpu} CPU, ${nodes.memory} | ${monthlyUsd} | ${kubernetes} |`,
    ),
    "",
    `Prices are in \`policies/prices.json\`, as of ${prices.asOf}. ${prices.source}.`,
    "",
    "## Exemptions",
    "",
    "An entry in `policies/exemptions.json` has `rule`, `kind`, `name`, `reason` and `expires` (`YYYY-MM-DD`, its last day, at most",
    `${limits.exemptions.maximumDays} days ahead), and, to narrow it, \`namespace\`, \`container\`, \`release\` (of Helm, which makes the object unseen), \`project\` and \`stacks\`. One that has expired no longer holds, and`,
    "one that has expired or covers nothing fails the stack.",
    "",
    "## Rules",
    "",
    ...rules.flatMap(section),
  ].join("\n");
}

if (require.main === module) {
  const mode = process.argv[2];
  const name = relative(process.cwd(), CATALOGUE);
  if (mode === "--write") {
    writeFileSync(CATALOGUE, catalogue());
  } else if (mode !== "--check") {
    console.error("usage: npx tsx policies/catalogue.ts --check|--write");
    process.exitCode = 2;
  } else if (readFileSync(CATALOGUE, "utf8") !== catalogue()) {
    console.error(`${name} is out of date: run \`npx tsx policies/catalogue.ts --write\``);
    process.exitCode = 1;
  }
}
