import { z } from "zod";
import { environments } from "../../infra/config/schema";
import { objectives } from "../../infra/slos/table";
import { chosenScenarios, profileNames, profileTable } from "../../loadtests/table";
import type { Experiment } from "../experiment/schema";
import { endsLevel } from "./load";

/** What a GameDay says: several experiments under load. It is data, checked whole before anything is touched. */

const sentence = z.string().min(10, { error: "must say it in at least ten characters" });
const seconds = (most: number) => z.number().min(0).max(most);
const shortName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,62}$/, { error: "must be a short name of lower-case letters, digits and dashes" });

const entry = z.strictObject({
  /** Of chaos/experiments. */
  experiment: shortName,
  /** Seconds since the load is on its level, or since the end of the one before. One at a time: who is early waits. */
  start: z
    .union([z.strictObject({ at: seconds(86_400) }), z.strictObject({ after: seconds(3600) })])
    .default({ after: 20 }),
  /** So many times in a row. @default 1 */
  repeat: z.int().min(1).max(20).default(1),
  /** Seconds between two repeats. @default 20 */
  rest: seconds(3600).default(20),
});

const roles = z.strictObject({
  /** Leads through the day, and decides to end it. */
  facilitator: sentence,
  /** Acts as on any day, from alerts and runbooks alone. */
  operator: sentence,
  /** Writes down what is seen and what surprises. */
  observer: sentence,
});

const burn = z.strictObject({
  /** Of the SLO table, an availability that the load measures. */
  objective: z.string().min(1),
  /** Multiple of the pace at which the budget is used up just in time. */
  factor: z.number().positive(),
  /** Seconds over which it is looked at. */
  over: z.int().min(5).max(600),
});

export const planSchema = z.strictObject({
  name: shortName,
  title: z.string().min(5).max(120),
  hypothesis: sentence,
  /** Requirements that it shows. */
  requirements: z.array(z.string().regex(/^[A-Z]-\d+$/, { error: "must be a requirement's ID, such as C-130" })),
  roles,
  load: z.strictObject({
    /** Its last stage is held until the day is over. */
    profile: z.enum(profileNames),
    /** As `ballast load` takes them: names, or all of a service. */
    scenarios: z.array(z.string().min(1)).min(1),
    /** Seconds of load alone before the first experiment, to compare with, and after the last. */
    before: seconds(3600),
    after: seconds(3600),
  }),
  timeline: z.array(entry).min(1),
  /** What ends the day; an operator and an undo that failed always do. */
  abort: z.strictObject({
    /** Seconds that the day may last. */
    deadline: z.number().positive().max(28_800),
    /** @default never */
    burn: burn.optional(),
    /** How an experiment may end without the day's end. @default none */
    tolerate: z.array(z.enum(["deviated", "failed"])).default([]),
  }),
  /** What the report must answer. */
  questions: z.array(sentence).min(1),
});

export type GameDayPlan = z.infer<typeof planSchema>;
export type GameDayPlanInput = z.input<typeof planSchema>;
export type TimelineEntry = z.infer<typeof entry>;

/** A plan that is not as it must be: each problem with its place, value and what would be right. */
export class InvalidPlan extends Error {
  constructor(
    readonly source: string,
    readonly problems: readonly string[],
  ) {
    super(`${source} is no valid plan of a GameDay:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`);
    this.name = "InvalidPlan";
  }
}

/**
 * @param source where it stands, for the error
 * @param known the experiments that there are
 * @throws InvalidPlan
 */
export function parsePlan(data: unknown, source: string, known: readonly Experiment[]): GameDayPlan {
  const parsed = planSchema.safeParse(data);
  const problems = parsed.success
    ? contradictions(parsed.data, known)
    : parsed.error.issues.map((issue) => `${issue.path.join(".") || "the plan"} ${shown(data, issue)}`);
  if (!parsed.success || problems.length > 0) throw new InvalidPlan(source, problems);
  return parsed.data;
}

function shown(data: unknown, { path, message }: z.core.$ZodIssue): string {
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], data);
  return `${value === undefined ? "is missing" : `is ${JSON.stringify(value).slice(0, 80)}`}: ${message}`;
}

function contradictions(plan: GameDayPlan, known: readonly Experiment[]): string[] {
  const names = known.map(({ name }) => name);
  const problems = plan.timeline.flatMap(({ experiment }, index) =>
    names.includes(experiment)
      ? []
      : [`timeline.${index}.experiment is "${experiment}": there are ${names.join(", ") || "none"}`],
  );
  const ats = plan.timeline.flatMap(({ start }, index) => ("at" in start ? [{ index, at: start.at }] : []));
  ats.slice(1).forEach(({ index, at }, before) => {
    const earlier = ats[before]?.at ?? 0;
    if (at < earlier)
      problems.push(
        `timeline.${index}.start.at is ${at}: it must not be before ${earlier}, when an earlier one starts`,
      );
  });
  try {
    chosenScenarios(plan.load.scenarios);
  } catch (error) {
    problems.push(`load.scenarios: ${error instanceof Error ? error.message : String(error)}`);
  }
  const { profile } = plan.load;
  if (!endsLevel(profileTable()[profile]))
    problems.push(`load.profile is "${profile}": it does not end on a level, so there is none to hold`);
  const { burn: limit, deadline } = plan.abort;
  const measured = environments.flatMap((environment) =>
    objectives(environment).flatMap(({ id, indicator }) => (indicator.kind === "availability" ? [id] : [])),
  );
  if (limit && !measured.includes(limit.objective))
    problems.push(
      `abort.burn.objective is "${limit.objective}": availabilities are ${[...new Set(measured)].join(", ")}`,
    );
  const least = leastSeconds(plan, known);
  if (deadline < least)
    problems.push(`abort.deadline is ${deadline}: the timeline alone takes ${Math.ceil(least)} s; give it more`);
  return problems;
}

/** Seconds that the day takes when everything recovers at once. */
export function leastSeconds({ load, timeline }: GameDayPlan, known: readonly Experiment[]): number {
  let now = 0;
  for (const { experiment, start, repeat, rest } of timeline) {
    const method = known.find(({ name }) => name === experiment)?.method ?? [];
    const once = method.reduce((sum, { hold, after }) => sum + hold + after, 0);
    now = "at" in start ? Math.max(now, start.at) : now + start.after;
    now += repeat * once + (repeat - 1) * rest;
  }
  return load.before + now + load.after;
}
