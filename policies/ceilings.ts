import type { PolicyConfigJSONSchema } from "@pulumi/policy/schema";
import limits from "./limits.json";
import { parseQuantity } from "./quantity";

/** The numbers of `limits.json`, with every quantity checked when the pack starts. */

export type Resource = "cpu" | "memory";
export const RESOURCES: readonly Resource[] = ["cpu", "memory"];

export const ENVIRONMENTS: readonly string[] = Object.keys(limits.environments);
/** How far ahead an exemption may expire, in days. */
export const MAXIMUM_EXEMPTION_DAYS = limits.exemptions.maximumDays;

export interface Ceiling {
  /** As written, `2Gi`. */
  readonly text: string;
  /** See {@link parseQuantity}. */
  readonly value: bigint;
}
export type Ceilings = Readonly<Record<Resource, Ceiling>>;

/** What an environment may have. */
export interface Environment {
  /** Of one container. */
  readonly container: Ceilings;
  /** Of a cluster that the stack does not make itself. */
  readonly nodes: Ceilings & { readonly count: number };
  /** US dollars a month, by list prices. */
  readonly monthlyUsd: number;
  /** Version of the API servers, `1.34`. */
  readonly kubernetes: string;
}

function ceilings(place: string, written: Readonly<Record<Resource, string>>): Ceilings {
  const read = (resource: Resource): Ceiling => {
    const text = written[resource];
    const value = parseQuantity(text);
    if (value === undefined) {
      throw new Error(
        `policies/limits.json: ${place}.${resource} is '${text}', not a quantity; write one such as '500m' or '2Gi'`,
      );
    }
    return { text, value };
  };
  return { cpu: read("cpu"), memory: read("memory") };
}

const BY_NAME: ReadonlyMap<string, Environment> = new Map(
  Object.entries(limits.environments).map(([name, { container, nodes, monthlyUsd, kubernetes }]) => [
    name,
    {
      container: ceilings(`environments.${name}.container`, container),
      nodes: { ...ceilings(`environments.${name}.nodes`, nodes), count: nodes.count },
      monthlyUsd,
      kubernetes,
    },
  ]),
);

/** What each node keeps for the system and for the agents that run on all of them. */
export const NODE_RESERVE = ceilings("nodeReserve", limits.nodeReserve);

/** The numbers of an environment; `undefined` for a name that is no environment. */
export function environmentOf(name: string): Environment | undefined {
  return BY_NAME.get(name);
}

/** The most that one container may have; `undefined` for a name that is no environment. */
export function ceilingsOf(environment: string): Ceilings | undefined {
  return BY_NAME.get(environment)?.container;
}

/** The environment that a stack is of: the one that it is called, or that its name begins with (`prod-eu`); else the name itself. */
export function environmentNamed(stack: string): string {
  const [first = ""] = stack.split("-");
  return BY_NAME.has(first) ? first : stack;
}

/** The setting of a rule that reads the environment's numbers. */
export const ENVIRONMENT_SETTING: Readonly<Record<"environment", PolicyConfigJSONSchema>> = {
  environment: {
    type: "string",
    enum: [...ENVIRONMENTS],
    description:
      "Environment whose numbers count. Default: the one that the stack is called, or that its name begins with.",
  },
};

/** What a rule says of a stack whose environment is none. */
export function noEnvironment(environment: string, what: string, rule: string): string {
  return (
    `'${environment}' is no environment of policies/limits.json (${ENVIRONMENTS.join(", ")}), so its ${what} not known; ` +
    `set 'environment' in the configuration of policy '${rule}'`
  );
}
