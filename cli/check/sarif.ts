import { createHash } from "node:crypto";
import { rulesOf } from "../../policies/pack";
import { FRAMEWORKS, type Rule } from "../../policies/rule";
import type { Lines } from "./locate";
import type { CheckReport, StackReport } from "./report";
import { nameIn } from "./summary";

/** SARIF 2.1.0, as code scanning takes it. Only the parts that are written here. */
export interface SarifLog {
  readonly $schema: string;
  readonly version: "2.1.0";
  readonly runs: readonly [SarifRun];
}

interface SarifRun {
  readonly tool: {
    readonly driver: { readonly name: string; readonly semanticVersion: string; readonly rules: readonly SarifRule[] };
  };
  readonly columnKind: "utf16CodeUnits";
  readonly automationDetails: { readonly id: string };
  readonly invocations: readonly {
    readonly executionSuccessful: boolean;
    readonly toolExecutionNotifications: readonly {
      readonly level: "error";
      readonly message: { readonly text: string };
    }[];
  }[];
  readonly results: readonly SarifResult[];
}

type Level = "error" | "warning";

interface SarifRule {
  readonly id: string;
  readonly shortDescription: { readonly text: string };
  readonly help: { readonly text: string; readonly markdown: string };
  readonly defaultConfiguration: { readonly level: Level };
  readonly properties?: { readonly severity: string };
}

export interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: Level;
  readonly message: { readonly text: string };
  readonly locations: readonly [
    {
      readonly physicalLocation: {
        readonly artifactLocation: { readonly uri: string; readonly uriBaseId: "%SRCROOT%" };
        readonly region: { readonly startLine: number };
      };
      readonly logicalLocations?: readonly [
        { readonly name: string; readonly fullyQualifiedName: string; readonly kind: "resource" },
      ];
    },
  ];
  readonly partialFingerprints: { readonly "ballastFinding/v1": string };
}

/** Stands beside the pack's rules for a program that fails. */
const PROGRAM: SarifRule = {
  id: "program-succeeds",
  shortDescription: { text: "The program of the stack runs to its end in an offline preview." },
  help: {
    text: "Run `ballast preview STACK --offline` and mend what it says.",
    markdown: "Run `ballast preview STACK --offline` and mend what it says.",
  },
  defaultConfiguration: { level: "error" },
};

/** @param lines of each stack's file, by stack */
export function sarif(report: CheckReport, version: string, lines: ReadonlyMap<string, Lines>): SarifLog {
  const rules = new Rules();
  const results = report.stacks.flatMap((stack) => resultsOf(stack, rules, lines.get(stack.stack)));
  const errors = report.stacks.flatMap(({ stack, errors: all }) => all.map((error) => `${stack}: ${error}`));
  return {
    $schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/schemas/sarif-schema-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "ballast check", semanticVersion: version, rules: rules.list } },
        columnKind: "utf16CodeUnits",
        automationDetails: { id: "ballast-check/" },
        invocations: [
          {
            executionSuccessful: errors.length === 0,
            toolExecutionNotifications: errors.map((text) => ({ level: "error", message: { text } })),
          },
        ],
        results,
      },
    ],
  };
}

class Rules {
  readonly list: SarifRule[] = [...rulesOf([]).map(describe), PROGRAM];

  /** Rules of packs other than ours are added as they are met: no more is known of them than their names. */
  indexOf(id: string): number {
    const index = this.list.findIndex((rule) => rule.id === id);
    if (index >= 0) return index;
    this.list.push({
      id,
      shortDescription: { text: id },
      help: { text: id, markdown: id },
      defaultConfiguration: { level: "error" },
    });
    return this.list.length - 1;
  }
}

function describe({ name, description, severity, remediation, references }: Rule): SarifRule {
  const places = references.map(({ framework, control }) => {
    const { version, url } = FRAMEWORKS[framework];
    return `[${framework}](${url}) ${version}: ${control}`;
  });
  return {
    id: name,
    shortDescription: { text: description },
    help: { text: remediation, markdown: `${remediation}\n\nAsked for by ${places.join("; ")}.` },
    defaultConfiguration: { level: "error" },
    properties: { severity },
  };
}

function resultsOf(report: StackReport, rules: Rules, lines: Lines | undefined): SarifResult[] {
  const { stack, file, violations, warnings, errors } = report;
  const seen = new Map<string, number>();
  const result = (ruleId: string, level: Level, text: string, line: number, urn?: string): SarifResult => {
    // Which of several findings of one rule at one resource it is; a message has numbers in it that change.
    const place = [stack, ruleId, urn ?? ""].join("\0");
    const turn = (seen.get(place) ?? 0) + 1;
    seen.set(place, turn);
    return {
      ruleId,
      ruleIndex: rules.indexOf(ruleId),
      level,
      message: { text: `${stack}: ${text}` },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: file.replaceAll("\\", "/"), uriBaseId: "%SRCROOT%" },
            region: { startLine: line },
          },
          ...(urn === undefined
            ? {}
            : { logicalLocations: [{ name: nameIn(urn), fullyQualifiedName: urn, kind: "resource" }] }),
        },
      ],
      partialFingerprints: {
        "ballastFinding/v1": createHash("sha256").update(`${place}\0${turn}`).digest("hex"),
      },
    };
  };
  return [
    ...errors.map((error) => result(PROGRAM.id, "error", error, lines?.ofError(error) ?? 1)),
    ...violations.map(({ policy, message, urn }) => result(policy, "error", message, lines?.ofResource(urn) ?? 1, urn)),
    ...warnings.map(({ policy, message, urn }) => result(policy, "warning", message, lines?.ofResource(urn) ?? 1, urn)),
  ];
}
