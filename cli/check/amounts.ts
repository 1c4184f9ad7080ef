import { bytes } from "../table";
import { changesOf, counted, type Demand, type Result, type StackReport } from "./report";

/** The table of stacks, one row a stack: the same on a terminal and in a comment. */
export const COLUMNS = [
  "stack",
  "result",
  "resources",
  "against the base",
  "violations",
  "warnings",
  "pods",
  "CPU",
  "memory",
  "storage",
  "USD a month",
] as const;

const RESULTS: Readonly<Record<Result, string>> = {
  passed: "passed",
  violated: "violates a policy",
  failed: "failed",
};

export function row(report: StackReport): string[] {
  const { stack, result, resources, violations, warnings, demand, comparison } = report;
  const before = comparison?.kind === "compared" ? comparison.demand : undefined;
  const amount = (show: (demand: Demand) => string): string => {
    if (demand === undefined) return "";
    const [old, now] = [before && show(before), show(demand)];
    return old === undefined || old === now ? now : `${old} → ${now}`;
  };
  return [
    stack,
    RESULTS[result],
    result === "failed" && demand === undefined ? "" : String(resources),
    against(report),
    String(violations.length),
    String(warnings.length),
    amount(({ replicas }) => String(replicas)),
    amount(({ cpu }) => String(cpu / 1000)),
    amount(({ memory }) => bytes(memory)),
    amount(({ storage }) => bytes(storage)),
    amount(({ usdPerMonth, uncounted }) => `${uncounted.length > 0 ? "≥ " : ""}${Math.round(usdPerMonth)}`),
  ];
}

export function against(report: StackReport): string {
  switch (report.comparison?.kind) {
    case undefined:
      return "";
    case "new":
      return "new stack";
    case "impossible":
      return "base fails";
    case "compared":
      return counted(changesOf(report));
  }
}
