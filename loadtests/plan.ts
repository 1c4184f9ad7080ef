import type { Environment } from "../infra/config/schema";
import { loadThresholds, type LoadThreshold } from "../infra/slos/thresholds";
import { sloTable, type SloTable } from "../infra/slos/table";
import {
  profileTable,
  scenarioTable,
  type Profile,
  type ProfileName,
  type Scenario,
  type ScenarioTable,
} from "./table";

/** Where a service of the stack is, for the one who sends the load. */
export interface Target {
  /** Without a slash at its end: `http://127.0.0.1:30080`. */
  readonly url: string;
  /**
   * Address for the URL's host, where its name means nothing outside of the cluster.
   * @default as the name resolves
   */
  readonly address?: string;
  /** Path that answers 200 when the service can be put under load. */
  readonly ready: string;
  /**
   * Version of the schema that the service must have, as its readiness says.
   * @default any
   */
  readonly schema?: string;
}

export interface PlanChoice {
  /** Unique: keys of writes are made from it, so that a second run with the same seed writes anew. */
  readonly run: string;
  readonly environment: Environment;
  readonly profile: ProfileName;
  readonly scenarios: readonly Scenario[];
  readonly targets: Readonly<Record<string, Target>>;
  /** @default 1 */
  readonly seed?: number;
  /**
   * Multiplies the length of every stage.
   * @default 1
   */
  readonly durationScale?: number;
  /** File that the summary is written to; standard output where there is none. */
  readonly summary?: string;
}

/** One threshold as the report shows it. */
export interface PlannedThreshold {
  readonly scenario: string;
  readonly metric: string;
  readonly expression: string;
  /** Of the SLO table. */
  readonly objective: string;
  readonly requirement: string;
}

interface Arrival {
  readonly executor: "ramping-arrival-rate";
  readonly exec: string;
  readonly startRate: number;
  readonly timeUnit: string;
  readonly preAllocatedVUs: number;
  readonly maxVUs: number;
  readonly stages: readonly { readonly target: number; readonly duration: string }[];
  readonly gracefulStop: string;
}

/** All that k6 is told: scripts read nothing else, so that the same plan gives the same requests. */
export interface Plan {
  readonly run: string;
  readonly environment: Environment;
  readonly profile: ProfileName;
  readonly judge: Profile["judge"];
  readonly seed: number;
  readonly seconds: number;
  readonly targets: Readonly<Record<string, Target>>;
  readonly thresholds: readonly PlannedThreshold[];
  /** Iterations that are due over the whole run, by scenario. */
  readonly due: Readonly<Record<string, number>>;
  readonly scripts: readonly { readonly exec: string; readonly path: string }[];
  readonly summary?: string;
  /**
   * Senders that share the load; which of them one is, it is told by its environment.
   * @default one, that sends it all
   */
  readonly shards?: number;
  /** k6's own options. */
  readonly options: {
    readonly scenarios: Readonly<Record<string, Arrival>>;
    readonly thresholds: Readonly<Record<string, readonly K6Threshold[]>>;
    readonly hosts: Readonly<Record<string, string>>;
    readonly systemTags: readonly string[];
    readonly summaryTrendStats: readonly string[];
    readonly setupTimeout: string;
    readonly userAgent: string;
  };
}

type K6Threshold = { readonly threshold: string; readonly abortOnFail: boolean; readonly delayAbortEval?: string };

/** Rates are whole numbers to k6: per minute they are fine enough. */
const UNIT_SECONDS = 60;
/** Answers that take longer than so many times the objective tie up more users than are kept ready. */
const USERS_HEADROOM = 2;
const SLOWEST_ANSWER_SECONDS = 2;
const MOST_USERS = 500;
/** Long enough for an average to mean something before a run may be ended early. */
const ABORT_AFTER = "10s";
/** Tags of samples: without the URL, which has ids in it and would be a series each. */
const systemTags = ["scenario", "status", "method", "name", "group", "check", "error_code", "expected_response"];
export const trendStats = ["count", "avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"] as const;

/** Everything about a run that can be known before it begins. Pure: the same choice gives the same plan. */
export function makePlan(
  choice: PlanChoice,
  tables: { readonly scenarios?: ScenarioTable; readonly slos?: SloTable; readonly profile?: Profile } = {},
): Plan {
  const { run, environment, profile: profileName, scenarios, targets, seed = 1, durationScale = 1 } = choice;
  if (scenarios.length === 0) throw new Error("a load test needs at least one scenario");
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new Error(`seed ${seed}: must be a whole number, 0 to ${Number.MAX_SAFE_INTEGER}`);
  if (!(durationScale > 0 && durationScale <= 1000))
    throw new Error(`duration scale ${durationScale}: must be above 0, and 1000 at most`);
  const slos = tables.slos ?? sloTable();
  const profile = tables.profile ?? profileTable()[profileName];
  const size = (tables.scenarios ?? scenarioTable()).sizes[environment];
  const missing = scenarios.find(({ service }) => targets[service] === undefined);
  if (missing)
    throw new Error(`scenario ${missing.name} needs the service ${missing.service}, of which no address is known`);
  const thresholds = scenarios.flatMap(({ name, service, operation }) =>
    loadThresholds(
      { service, scenario: name, ...(operation === undefined ? {} : { operation }) },
      environment,
      slos,
    ).map((threshold) => ({ ...planned(threshold), scenario: name })),
  );
  const arrivals = scenarios.map((scenario) => ({ scenario, ...arrival(scenario, profile, size, durationScale) }));
  const seconds = profile.stages.reduce((sum, stage) => sum + stage.seconds, 0) * durationScale;
  return {
    run,
    environment,
    profile: profileName,
    judge: profile.judge,
    seed,
    seconds,
    targets,
    thresholds,
    due: Object.fromEntries(arrivals.map(({ scenario, due }) => [scenario.name, due])),
    scripts: scenarios.map(({ name, script }) => ({ exec: execOf(name), path: script })),
    ...(choice.summary === undefined ? {} : { summary: choice.summary }),
    options: {
      scenarios: Object.fromEntries(arrivals.map(({ scenario, settings }) => [scenario.name, settings])),
      thresholds: k6Thresholds(thresholds, scenarios, profile.abortOnMiss),
      hosts: hostsOf(targets),
      systemTags,
      summaryTrendStats: trendStats,
      setupTimeout: "60s",
      userAgent: "ballast-load",
    },
  };
}

const planned = ({ metric, expression, objective }: LoadThreshold): Omit<PlannedThreshold, "scenario"> => ({
  metric,
  expression,
  objective: objective.id,
  requirement: objective.requirement,
});

/** A name as an export may have it: `taskdbCreateTask`. */
const execOf = (name: string): string => name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

function arrival(
  { name, rate, most }: Scenario,
  profile: Profile,
  size: number,
  scale: number,
): { settings: Arrival; due: number } {
  const at = (load: number): number => {
    const wanted = load * rate * size;
    return Math.max(1, Math.round(Math.min(wanted, most?.rate ?? wanted) * UNIT_SECONDS));
  };
  const stages = profile.stages.map(({ seconds, to }) => ({ seconds: seconds * scale, target: at(to) }));
  const peak = Math.max(at(profile.start), ...stages.map(({ target }) => target)) / UNIT_SECONDS;
  let before = at(profile.start);
  let due = 0;
  for (const { seconds, target } of stages) {
    due += (((before + target) / 2) * seconds) / UNIT_SECONDS;
    before = target;
  }
  const users = (seconds: number) => Math.min(MOST_USERS, Math.ceil(peak * seconds) + 1);
  return {
    due: Math.round(due),
    settings: {
      executor: "ramping-arrival-rate",
      exec: execOf(name),
      startRate: at(profile.start),
      timeUnit: `${UNIT_SECONDS}s`,
      preAllocatedVUs: users(USERS_HEADROOM * 0.2),
      maxVUs: users(SLOWEST_ANSWER_SECONDS),
      stages: stages.map(({ seconds, target }) => ({ target, duration: `${Math.round(seconds * 1000)}ms` })),
      gracefulStop: "10s",
    },
  };
}

function k6Thresholds(
  thresholds: readonly PlannedThreshold[],
  scenarios: readonly Scenario[],
  abortOnMiss: boolean,
): Record<string, K6Threshold[]> {
  const all: Record<string, K6Threshold[]> = {};
  for (const { metric, expression } of thresholds) {
    const abort = abortOnMiss ? { abortOnFail: true, delayAbortEval: ABORT_AFTER } : { abortOnFail: false };
    (all[metric] ??= []).push({ threshold: expression, ...abort });
  }
  // These always hold: k6 counts by scenario only what some threshold asks for.
  for (const { name } of scenarios)
    for (const metric of ["iterations", "dropped_iterations", "http_reqs"])
      all[`${metric}{scenario:${name}}`] = [{ threshold: "count>=0", abortOnFail: false }];
  return all;
}

const hostsOf = (targets: Readonly<Record<string, Target>>): Record<string, string> =>
  Object.fromEntries(
    Object.values(targets).flatMap(({ url, address }) => (address ? [[new URL(url).hostname, address]] : [])),
  );
