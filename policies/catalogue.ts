import { readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import limits from "./limits.json";
import { rulesOf } from "./pack";
import { FRAMEWORKS, type Reference, type Rule } from "./rule";

/** Writes `docs/policies.md` from the rules (`--write`), or exits with 1 when it is out of date (`--check`). */

export const CATALOGUE = join(__dirname, "../docs/policies.md");

const CHECKED = {
  container: "each container, before the resource is changed",
  workload: "each workload, before the resource is changed",
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

function section(rule: Rule): string[] {
  const settings = Object.entries(rule.config ?? {}).map(
    ([key, { description = "", enum: values }]) =>
      `- Setting \`${key}\`: ${description}${values === undefined ? "" : ` One of ${values.map(String).join(", ")}.`}`,
  );
  const containers = rule.scope === "container" ? ` Containers: ${rule.roles.join(", ")}.` : "";
  return [
    `### ${rule.name}`,
    "",
    rule.description,
    "",
    `- Severity ${rule.severity}, level ${rule.level ?? "mandatory"}. Checked on ${CHECKED[rule.scope]}.${containers}`,
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
    "## Ceilings",
    "",
    "Of one container, from `policies/limits.json`.",
    "",
    "| environment | CPU | memory |",
    "| --- | --- | --- |",
    ...Object.entries(limits.environments).map(
      ([name, { container }]) => `| ${name} | ${container.cpu} | ${container.memory} |`,
    ),
    "",
    "## Exemptions",
    "",
    "An entry in `policies/exemptions.json` has `rule`, `kind`, `name`, `reason` and `expires` (`YYYY-MM-DD`, its last day, at most",
    `${limits.exemptions.maximumDays} days ahead), and, to narrow it, \`namespace\`, \`container\`, \`project\` and \`stacks\`. One that has expired no longer holds, and`,
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
