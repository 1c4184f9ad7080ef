import { ENVIRONMENT_SETTING, environmentOf, noEnvironment } from "../ceilings";
import { COST_KINDS, type CostItem, projectedCost } from "../cost";
import type { StackRule } from "../rule";

const NAME = "cost-ceiling";
/** How many of the dearest items a message names. */
const NAMED = 3;

const usd = (amount: number): string => `${Math.round(amount)} USD`;

function dearest(items: readonly CostItem[]): string {
  return [...items]
    .sort((left, right) => right.usd - left.usd)
    .slice(0, NAMED)
    .map(({ object, what, usd: amount }) => `${object.title} (${what}) ${usd(amount)}`)
    .join(", ");
}

export const costCeiling: StackRule = {
  name: NAME,
  description:
    "What the stack's nodes, volumes and load balancers cost a month, by list price, is within the environment's ceiling.",
  severity: "medium",
  references: [{ framework: "FinOps Framework", control: "Budgeting" }],
  remediation:
    "Choose smaller or fewer nodes and volumes, or raise the environment's monthlyUsd in policies/limits.json after agreeing on it.",
  config: ENVIRONMENT_SETTING,
  scope: "stack",
  kinds: COST_KINDS,
  *check(objects, { environment }) {
    const ceiling = environmentOf(environment)?.monthlyUsd;
    if (ceiling === undefined) {
      yield { breach: noEnvironment(environment, "budget is", NAME) };
      return;
    }
    const { items, total, unpriced, unknown } = projectedCost(objects);
    if (total > ceiling) {
      yield {
        breach:
          `the stack costs ${usd(total)} a month by list prices, above the ceiling ${usd(ceiling)} of environment '${environment}' ` +
          `(policies/limits.json); the dearest: ${dearest(items)}`,
      };
    }
    for (const { object, what } of unpriced) {
      yield { subject: object, breach: `the price of ${what} is not known; add it to policies/prices.json` };
    }
    for (const { object, part } of unknown) yield { subject: object, unknown: part };
  },
};
