import type { CheckReport, Demand, StackReport } from "./report";

/** Reports for tests, with `changes` over them. */
export const demand = (changes: Partial<Demand> = {}): Demand => ({
  replicas: 3,
  cpu: 1500,
  memory: 3 * 2 ** 30,
  storage: 10 * 2 ** 30,
  usdPerMonth: 12.5,
  uncounted: [],
  ...changes,
});

export const stackReport = (changes: Partial<StackReport> = {}): StackReport => ({
  stack: "dev",
  file: "stacks/Pulumi.dev.yaml",
  result: "passed",
  resources: 7,
  violations: [],
  warnings: [],
  errors: [],
  demand: demand(),
  ...changes,
});

export const checkReport = (stacks: readonly StackReport[], changes: Partial<CheckReport> = {}): CheckReport => ({
  base: { name: "merge base of main", commit: "0123456789abcdef0123456789abcdef01234567" },
  notes: [],
  stacks,
  removedStacks: [],
  ...changes,
});

export const statefulSet =
  "urn:pulumi:dev::ballast::ballast:data:PostgresHa$ballast:workload:StatefulWorkload$kubernetes:apps/v1:StatefulSet::postgres";
