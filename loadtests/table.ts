import { z } from "zod";
import { environments } from "../infra/config/schema";
import { sloTable } from "../infra/slos/table";
import profileData from "./profiles.json";
import scenarioData from "./scenarios.json";

const name = z.string().regex(/^[a-z]([-a-z0-9]{0,40}[a-z0-9])?$/, "must be lower-case letters, digits and dashes");
const positive = z.number().positive("must be above 0");
const words = z.string().min(5, "must say it in a few words");

const scenario = z.strictObject({
  name,
  purpose: words,
  /** Of the SLO table: whose objectives it is judged by. */
  service: name,
  /** The operation of the service that has objectives of its own. */
  operation: name.optional(),
  /** Below loadtests/, without its ending; its default export is one iteration. */
  script: z.string().regex(/^[a-z0-9/-]+$/, "must be a path below loadtests/, without .ts"),
  /** Iterations a second at load 1 in an environment of size 1. */
  rate: positive,
  /** More would not measure the service, but a rule of ours. */
  most: z.strictObject({ rate: positive, reason: words }).optional(),
});

const scenarioSchema = z
  .strictObject({
    /** What an environment is given, as a multiple. */
    sizes: z.record(z.enum(environments), positive),
    services: z.record(
      name,
      z.strictObject({
        /** Output of the stack that says where it is. */
        output: z.string().min(1),
        /** Path that answers 200 when it can be put under load. */
        ready: z.string().startsWith("/"),
      }),
    ),
    scenarios: z.array(scenario).min(1),
  })
  .superRefine(({ services, scenarios }, context) => {
    const names = new Set<string>();
    const known = sloTable();
    scenarios.forEach((each, index) => {
      const refuse = (key: string, message: string) =>
        context.addIssue({ code: "custom", path: ["scenarios", index, key], message });
      if (names.has(each.name)) refuse("name", `${each.name} is another scenario's name`);
      names.add(each.name);
      if (!Object.hasOwn(services, each.service) || !Object.hasOwn(known.services, each.service)) {
        refuse("service", `${each.service} is not one of services here and in infra/slos/slos.json`);
        return;
      }
      const own = known.objectives.flatMap(({ services: of, indicator }) =>
        of.includes(each.service) && indicator.kind === "latency" ? (indicator.operation ?? []) : [],
      );
      if (each.operation !== undefined && !own.includes(each.operation))
        refuse(
          "operation",
          `${each.operation} has no objective; those of ${each.service} that have: ${own.join(", ")}`,
        );
    });
  });

const profile = z.strictObject({
  purpose: words,
  /** What decides: that the objectives hold, or that the limit lies above the load of an ordinary day (1). */
  judge: z.enum(["objectives", "limit"]),
  /** End the run as soon as an objective is missed. */
  abortOnMiss: z.boolean().default(false),
  /** Load at the start, as a multiple of each scenario's rate. */
  start: positive,
  /** The load changes evenly to `to`. */
  stages: z.array(z.strictObject({ seconds: positive, to: positive })).min(1),
});

export const profileNames = ["smoke", "baseline", "stress", "spike", "soak", "breakpoint"] as const;
export type ProfileName = (typeof profileNames)[number];
const profileSchema = z.record(z.enum(profileNames), profile);

export type Scenario = z.infer<typeof scenario>;
export type ScenarioTable = z.infer<typeof scenarioSchema>;
export type Profile = z.infer<typeof profile>;
export type ProfileTable = z.infer<typeof profileSchema>;

function parsed<T extends z.ZodType>(schema: T, data: unknown, file: string): z.infer<T> {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".") || "the table"}: ${message}`);
  throw new Error(`${file}: ${problems.join("; ")}`);
}

/** @throws Error that names every key that is wrong */
export const scenarioTable = (data: unknown = scenarioData): ScenarioTable =>
  parsed(scenarioSchema, data, "loadtests/scenarios.json");

/** @throws Error that names every key that is wrong */
export const profileTable = (data: unknown = profileData): ProfileTable =>
  parsed(profileSchema, data, "loadtests/profiles.json");

/**
 * The scenarios that are meant: named ones, all of a service (`taskdb`), or all.
 *
 * @throws Error that lists what there is
 */
export function chosenScenarios(wanted: readonly string[], { scenarios }: ScenarioTable = scenarioTable()): Scenario[] {
  if (wanted.length === 0) return scenarios;
  const unknown = wanted.filter(
    (each) => !scenarios.some(({ name: own, service }) => own === each || service === each),
  );
  if (unknown.length > 0) {
    const known = [...new Set(scenarios.flatMap(({ service, name: own }) => [service, own]))].join(", ");
    throw new Error(`no scenario ${unknown.join(", ")}; there are: ${known}`);
  }
  return scenarios.filter(({ name: own, service }) => wanted.includes(own) || wanted.includes(service));
}
