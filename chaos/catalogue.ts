import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Experiment, type Fault, type FaultKind, faultSchema, type Probe } from "./experiment/schema";
import { experiments } from "./experiments";
import { faultDrivers } from "./faults";
import { driverFor } from "./faults/fault";
import { type GameDayPlan, planSchema } from "./gameday/plan";
import { plans } from "./gameday/plans";
import type { Ground } from "./ground";

/** Writes `docs/chaos.md` from the experiments, the faults and the plans (`--write`), or exits with 1 when it is out of date (`--check`). */

export const CHAOS_PAGE = join(__dirname, "../docs/chaos.md");

/** What a fault is aimed at, in words. */
function aim(fault: Fault): string {
  if ("service" in fault)
    return `${podsOf(fault.target)}, on their way to ${fault.service.namespace}/${fault.service.name}`;
  if ("role" in fault) return `role ${fault.role}`;
  if (!("target" in fault)) return "the control plane";
  const { target } = fault;
  if ("labels" in target) return podsOf(target);
  if ("kind" in target) return `${target.kind} ${target.namespace}/${target.name}`;
  const node = (of: typeof target) => ("node" in of ? of.node : `the node of ${podsOf(of.of)}`);
  const from = "from" in fault && fault.from ? `, from ${node(fault.from)}` : "";
  return `${node(target)}${from}`;
}

function podsOf({ namespace, labels, pick }: Extract<Fault, { kind: "pod-kill" }>["target"]): string {
  const matched = Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");
  return `${pick === "all" ? "all pods" : pick === 1 ? "a pod" : `${pick} pods`} \`${matched}\` in ${namespace}`;
}

/** Kinds that strike where nothing but the API server of a cluster is known to us, and what the others ask for. */
async function needs(kind: FaultKind): Promise<string> {
  const bare = { limits: { namespaces: [], share: 1 } } as unknown as Ground;
  try {
    const possible = await driverFor(faultDrivers, kind).possible(bare);
    return possible === true ? "any cluster" : possible;
  } catch {
    return "the cluster is asked";
  }
}

const cell = (text: string): string => text.replaceAll("|", "\\|");
const row = (...cells: readonly (string | number)[]): string =>
  `| ${cells.map((each) => cell(String(each))).join(" | ")} |`;
const tableOf = (header: readonly string[], rows: readonly string[]): string[] => [
  row(...header),
  `|${header.map(() => "---").join("|")}|`,
  ...rows,
];

function probeText(probe: Probe): string {
  const modes = {
    start: "before",
    end: "afterwards",
    edge: "before and afterwards",
    continuous: "all the time",
    during: "while the fault is held",
  } as const;
  return `- ${probe.name}, ${modes[probe.mode]}`;
}

function section(experiment: Experiment): string[] {
  const { name, title, description, method, limits, recovery, ledger, tags } = experiment;
  const { title: hypothesis, probes } = experiment["steady-state-hypothesis"];
  return [
    `### ${name}`,
    "",
    `**${title}.** ${description}`,
    "",
    ...tableOf(
      ["fault", "hits", "held"],
      method.map(({ fault, hold }) => row(fault.kind, aim(fault), `${hold} s`)),
    ),
    "",
    `${hypothesis}:`,
    ...probes.map(probeText),
    "",
    `May hit ${limits.namespaces.join(", ")}, ${Math.round(limits.share * 100)} % of a workload's pods at the most; ended after ${limits.deadline} s; must be whole again within ${recovery} s. ${
      ledger ? `Keeps a ledger of acknowledged writes to ${ledger}.` : "Keeps no ledger."
    }${tags.length > 0 ? ` Tags: ${tags.join(", ")}.` : ""} Runbook: [chaos-${name}](runbooks/chaos-${name}.md).`,
    "",
  ];
}

function planSection({ name, title, hypothesis, load, timeline, abort, requirements }: GameDayPlan): string[] {
  const { burn } = abort;
  return [
    `### ${name}`,
    "",
    `**${title}.** ${hypothesis} (${requirements.join(", ")})`,
    "",
    ...tableOf(
      ["experiment", "begins", "times"],
      timeline.map(({ experiment, start, repeat }) =>
        row(
          `[${experiment}](#${experiment})`,
          "at" in start ? `at ${start.at} s` : `${start.after} s after the one before`,
          repeat,
        ),
      ),
    ),
    "",
    `Under ${load.profile} load of ${load.scenarios.join(", ")}; ended after ${abort.deadline} s${
      burn
        ? `, or when ${burn.objective} burns its budget ${burn.factor} times as fast as it may over ${burn.over} s`
        : ""
    }.`,
    "",
  ];
}

export async function chaosPage(): Promise<string> {
  const kinds = faultSchema.options.map(({ shape }) => shape.kind.value);
  const users = (kind: FaultKind) =>
    experiments
      .filter(({ method }) => method.some(({ fault }) => fault.kind === kind))
      .map(({ name }) => `[${name}](#${name})`);
  const faults: string[] = [];
  for (const kind of kinds) faults.push(row(kind, await needs(kind), users(kind).join(", ") || "none"));
  return [
    "# Experiments and GameDays",
    "",
    "<!-- Generated by `npm run docs` from `chaos/experiments`, `chaos/faults` and `chaos/gameday/plans`. -->",
    "",
    "What is broken on purpose, to show that the stack holds. How to run, watch and end them: [runbooks/chaos](runbooks/chaos.md).",
    "",
    ...tableOf(
      ["experiment", "what happens", "fault", "ledger"],
      experiments.map(({ name, title, method, ledger }) =>
        row(
          `[${name}](#${name})`,
          title,
          [...new Set(method.map(({ fault }) => fault.kind))].join(", "),
          ledger ?? "–",
        ),
      ),
    ),
    "",
    "## Experiments",
    "",
    ...experiments.flatMap(section),
    "## Faults",
    "",
    "What each kind needs; with less, an experiment is refused before anything is touched, for that reason.",
    "",
    ...tableOf(["fault", "needs", "experiments"], faults),
    "",
    "## GameDays",
    "",
    ...plans.flatMap((plan) => planSection(planSchema.parse(plan))),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}

async function main([mode]: readonly string[]): Promise<void> {
  const text = await chaosPage();
  if (mode === "--write") writeFileSync(CHAOS_PAGE, text);
  else if (mode === "--check" && readFileSync(CHAOS_PAGE, "utf8") !== text) {
    process.stderr.write("docs/chaos.md is not what chaos/ says; run: npm run docs\n");
    process.exitCode = 1;
  }
}

if (require.main === module) void main(process.argv.slice(2));
