import limits from "./limits.json";
import { parseQuantity } from "./quantity";

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

function ceiling(environment: string, resource: Resource, text: string): Ceiling {
  const value = parseQuantity(text);
  if (value === undefined) {
    throw new Error(
      `policies/limits.json: environments.${environment}.container.${resource} is '${text}', not a quantity; write one such as '500m' or '2Gi'`,
    );
  }
  return { text, value };
}

const CEILINGS: ReadonlyMap<string, Ceilings> = new Map(
  Object.entries(limits.environments).map(([environment, { container }]) => [
    environment,
    { cpu: ceiling(environment, "cpu", container.cpu), memory: ceiling(environment, "memory", container.memory) },
  ]),
);

/** The most that one container may have; `undefined` for a name that is no environment. */
export function ceilingsOf(environment: string): Ceilings | undefined {
  return CEILINGS.get(environment);
}
