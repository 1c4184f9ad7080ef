import { z } from "zod";
import { environments, type Environment } from "../config/schema";
import data from "./slos.json";

/** Milestones of the platform, each with stricter targets than the one before. */
export const milestones = ["M1", "M2", "M3", "M4"] as const;
export type Milestone = (typeof milestones)[number];

const name = z.string().regex(/^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$/, "must be lower-case letters, digits and dashes");
const requirement = z.string().regex(/^[A-Z]-\d+$/, "must be a requirement's ID, such as C-137");
const window = z.string().regex(/^[1-9]\d*[mhd]$/, "must be a span of time such as 5m, 6h or 30d");
const sentence = z.string().min(10, "must say it in at least ten characters");

const indicator = z.discriminatedUnion("kind", [
  /** Share of requests that are answered, and not by a fault of the server (5xx). Percent, at least. */
  z.strictObject({ kind: z.literal("availability") }),
  /** Time to the answer, of all requests or of one operation's. Milliseconds, below. */
  z.strictObject({
    kind: z.literal("latency"),
    quantile: z.number().gt(0, "must be between 0 and 1").lt(1, "must be between 0 and 1"),
    operation: name.optional(),
  }),
  /** From a fault until full service again. Seconds, below. */
  z.strictObject({ kind: z.literal("recovery") }),
  /** From the load that asks for more until so many replicas are ready. Seconds, below. */
  z.strictObject({ kind: z.literal("scale-out"), replicas: z.number().int().min(2) }),
  /** Restarts of a pod in a day, below. */
  z.strictObject({ kind: z.literal("restarts") }),
  /** Share of reads that a cache answers. Percent, above. */
  z.strictObject({ kind: z.literal("hits") }),
  /** Deployments to production in a day, at least. */
  z.strictObject({ kind: z.literal("deployments") }),
]);
export type Indicator = z.infer<typeof indicator>;

/** How each indicator is counted, and on which side of its target the good is. */
export const measures = {
  availability: { unit: "%", good: "at least" },
  latency: { unit: "ms", good: "below" },
  recovery: { unit: "s", good: "below" },
  "scale-out": { unit: "s", good: "below" },
  restarts: { unit: "per day", good: "below" },
  hits: { unit: "%", good: "above" },
  deployments: { unit: "per day", good: "at least" },
} as const satisfies Record<Indicator["kind"], { unit: string; good: "at least" | "above" | "below" }>;

const target = z.strictObject({ value: z.number().positive("must be above 0"), requirement });

const series = z.strictObject({
  /** Histogram of its requests, in seconds. */
  histogram: z.string().regex(/^[a-z_:][a-z0-9_:]*_seconds$/, "must be the name of a histogram in seconds"),
  /** Matchers that pick the service's series, as in PromQL. */
  selector: z.string().min(1),
  /** Label with the status code. */
  statusLabel: z.string().min(1),
  /** Further matchers that pick one operation's requests. */
  operations: z.record(name, z.string().min(1)),
});

const schema = z
  .strictObject({
    milestones: z.record(z.enum(milestones), z.strictObject({ requirement, title: sentence.or(z.string().min(3)) })),
    /** Which milestone an environment is held to, and why. */
    environments: z.record(z.enum(environments), z.strictObject({ milestone: z.enum(milestones), reason: sentence })),
    services: z.record(
      name,
      z.strictObject({
        /** The team that is called. */
        owner: z.string().min(1),
        /** Without it nothing measures the service yet, and it gets no rules. */
        series: series.optional(),
      }),
    ),
    objectives: z
      .array(
        z.strictObject({
          name,
          services: z.array(name).min(1),
          indicator,
          window,
          /** From this milestone on, until a later one says otherwise. */
          targets: z.partialRecord(z.enum(milestones), target),
        }),
      )
      .min(1),
    /** When a budget burns too fast: over the long window, and still over the short one. The factor is a multiple of what would use it up just in time. */
    burnRates: z
      .array(
        z.strictObject({
          severity: z.enum(["critical", "warning"]),
          long: window,
          short: window,
          factor: z.number().positive("must be above 0"),
          for: window,
        }),
      )
      .min(1),
  })
  .superRefine((table, context) => {
    const refuse = (path: readonly (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path: [...path], message });
    const taken = new Set<string>();
    table.objectives.forEach((row, index) => {
      const at = ["objectives", index] as const;
      const values = milestones.flatMap((milestone) => row.targets[milestone]?.value ?? []);
      if (values.length === 0) refuse([...at, "targets"], "must have a target for at least one milestone");
      const percent = measures[row.indicator.kind].unit === "%";
      if (percent && values.some((value) => value >= 100))
        refuse([...at, "targets"], "must be below 100 %: without a budget there is nothing to measure against");
      const stricter = measures[row.indicator.kind].good === "below" ? -1 : 1;
      values.slice(1).forEach((value, later) => {
        const before = values[later] ?? value;
        if ((value - before) * stricter < 0)
          refuse([...at, "targets"], `${value} is laxer than ${before} of an earlier milestone`);
      });
      for (const service of row.services) {
        if (!Object.hasOwn(table.services, service)) {
          const known = Object.keys(table.services).join(", ");
          refuse([...at, "services"], `${service} is not one of services (${known})`);
        }
        const id = `${service}-${row.name}`;
        if (taken.has(id)) refuse([...at, "name"], `${service} has another objective of the name ${row.name}`);
        taken.add(id);
        const known = table.services[service]?.series;
        if (row.indicator.kind !== "latency" || row.indicator.operation === undefined || known === undefined) continue;
        if (!Object.hasOwn(known.operations, row.indicator.operation))
          refuse(
            [...at, "indicator", "operation"],
            `${row.indicator.operation} is not one of ${service}'s operations (${Object.keys(known.operations).join(", ")})`,
          );
      }
    });
    table.burnRates.forEach(({ long, short }, index) => {
      if (minutes(short) >= minutes(long))
        refuse(["burnRates", index, "short"], `${short} must be shorter than the long window, ${long}`);
    });
  });

export type SloTable = z.infer<typeof schema>;
export type Series = z.infer<typeof series>;

/** Minutes of a span such as 30m, 6h or 3d. */
export function minutes(span: string): number {
  const unit = { m: 1, h: 60, d: 1440 }[span.slice(-1)] ?? Number.NaN;
  return Number(span.slice(0, -1)) * unit;
}

/**
 * The service level objectives of the platform.
 *
 * @param content @default infra/slos/slos.json
 * @throws Error that names every key that is wrong, and what would be right
 */
export function sloTable(content: unknown = data): SloTable {
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the table"}: ${message}`);
  throw new Error(`infra/slos/slos.json: ${problems.join("; ")}`);
}

/** One objective of one service, as an environment is held to it. */
export interface Objective {
  /** Unique: `taskdb-response`. */
  readonly id: string;
  readonly name: string;
  readonly service: string;
  readonly owner: string;
  readonly indicator: Indicator;
  readonly value: number;
  readonly unit: (typeof measures)[Indicator["kind"]]["unit"];
  readonly good: (typeof measures)[Indicator["kind"]]["good"];
  /** Over which it is counted: `30d`. */
  readonly window: string;
  /** The milestone that the value comes from. */
  readonly milestone: Milestone;
  readonly requirement: string;
}

/** What an environment is held to; targets of milestones that it has not reached do not count. */
export function objectives(environment: Environment, table: SloTable = sloTable()): Objective[] {
  const reached = milestones.slice(0, milestones.indexOf(table.environments[environment].milestone) + 1);
  return table.objectives.flatMap((row) => {
    const milestone = reached.findLast((each) => row.targets[each] !== undefined);
    const chosen = milestone && row.targets[milestone];
    if (milestone === undefined || chosen === undefined) return [];
    return row.services.map((service) => ({
      id: `${service}-${row.name}`,
      name: row.name,
      service,
      owner: table.services[service]?.owner ?? "",
      indicator: row.indicator,
      value: chosen.value,
      ...measures[row.indicator.kind],
      window: row.window,
      milestone,
      requirement: chosen.requirement,
    }));
  });
}

/** Those of one service. @throws Error when the table has no such service */
export function objectivesOf(service: string, environment: Environment, table: SloTable = sloTable()): Objective[] {
  if (!Object.hasOwn(table.services, service)) {
    throw new Error(`no service ${service} in infra/slos/slos.json; it has: ${Object.keys(table.services).join(", ")}`);
  }
  return objectives(environment, table).filter((each) => each.service === service);
}

/** Share of requests that may fail before an availability in percent is missed: 0.001 for 99.9. */
export const failureBudget = (percent: number): number => Number((1 - percent / 100).toPrecision(9));
