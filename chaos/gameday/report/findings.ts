import { runbooks } from "../../../infra/slos/burnRate";
import { losses } from "../../run/run";
import type { RecordedDay } from "../folder";
import { type ExperimentOfDay, experimentsOf } from "./experiments";
import { DayLoad } from "./load";

export const runbookOf = (experiment: string): string => `${runbooks}/chaos-${experiment}.md`;

/** A latency that somebody would notice: so many times that of the load alone, and so many ms more. */
const jump = { factor: 2, milliseconds: 20 } as const;
/** Seconds after its time at which an experiment is late. */
const late = 5;

const seconds = (value: number): string => `${Number(value.toPrecision(3))} s`;
const milliseconds = (value: number): string => `${Number(value.toPrecision(3))} ms`;

/** What a reader would not have expected, from what was recorded alone. */
export function surprises(recorded: RecordedDay): string[] {
  const load = DayLoad.of(recorded);
  return [
    ...recorded.day.runs.flatMap(({ experiment, outcome, reason, repeat, of }) =>
      outcome === "held" || outcome === "not run"
        ? []
        : [`${experiment}${of > 1 ? ` (${repeat} of ${of})` : ""} has ${outcome}${reason ? `: ${reason}` : ""}`],
    ),
    ...experimentsOf(recorded).flatMap((each) => [...ofProbes(each), ...ofRecovery(each), ...ofUndo(each)]),
    ...(load ? ofLoad(recorded, load) : ["the load has no series: what users would have seen is not known"]),
    ...ofTime(recorded),
  ];
}

function ofProbes({ name, journals }: ExperimentOfDay): string[] {
  const states = journals.flatMap(({ steady_states: { before, during, after } }) => [...before, ...during, ...after]);
  const blind = new Map<string, { count: number; detail: string }>();
  for (const { name: probe, looks } of states)
    for (const { verdict, detail } of looks)
      if (verdict === "unknown") blind.set(probe, { count: (blind.get(probe)?.count ?? 0) + 1, detail });
  const missed = journals.flatMap(({ steady_states: { after } }) =>
    after.flatMap(({ name: probe, looks }) => {
      const last = looks.at(-1);
      return last?.verdict === "missed" ? [`${name}: "${probe}" did not come back: ${last.detail}`] : [];
    }),
  );
  return [
    ...missed,
    ...[...blind].map(
      ([probe, { count, detail }]) =>
        `${name}: "${probe}" could not see ${count === 1 ? "once" : `${count} times`}: ${detail}`,
    ),
  ];
}

function ofRecovery({ name, timings, allowed, ledger }: ExperimentOfDay): string[] {
  const slowest = timings.recovery?.maximum;
  const lost = losses(ledger);
  return [
    ...(allowed && slowest !== undefined && slowest >= allowed.value
      ? [`${name}: recovery took ${seconds(slowest)}; ${allowed.id} is below ${allowed.value} s`]
      : []),
    ...(lost > 0 ? [`${name}: ${lost} writes cannot be accounted for`] : []),
    ...(ledger?.twoPrimaries ? [`${name}: two members took writes at once for ${seconds(ledger.twoPrimaries)}`] : []),
  ];
}

function ofUndo({ name, journals }: ExperimentOfDay): string[] {
  return journals.flatMap(({ rollbacks }) =>
    rollbacks.map(({ name: what, victims, status, error }) =>
      status === "failed"
        ? `${name}: ${what} did not work on ${victims.join(", ")}: ${error ?? "no reason is known"}`
        : `${name}: ${what} on ${victims.join(", ")} was left to the end`,
    ),
  );
}

function ofLoad({ day }: RecordedDay, load: DayLoad): string[] {
  const ran = day.runs.filter(({ started, ended }) => started !== undefined && ended !== undefined);
  const begin = day.level === undefined ? 0 : load.since(day.level);
  const first = ran[0]?.started;
  const calm = load.between(begin, first === undefined ? load.seconds : load.since(first)).p95;
  const jumps = ran.flatMap((run) => {
    const p95 = load.during(run)?.p95;
    return calm !== undefined && p95 !== undefined && p95 >= calm * jump.factor && p95 - calm >= jump.milliseconds
      ? [`${run.experiment}: P95 rose from ${milliseconds(calm)} to ${milliseconds(p95)}`]
      : [];
  });
  const failed = load.between(0, load.seconds).failed;
  const within = ran.reduce((sum, run) => sum + (load.during(run)?.failed ?? 0), 0);
  return failed > within ? [...jumps, `${failed - within} requests failed while no experiment ran`] : jumps;
}

function ofTime({ day, plan }: RecordedDay): string[] {
  if (day.level === undefined) return [];
  const zero = Date.parse(day.level) / 1000 + plan.load.before;
  return day.runs.flatMap(({ experiment, start, started }) => {
    if (!("at" in start) || started === undefined) return [];
    const by = Date.parse(started) / 1000 - zero - start.at;
    return by > late ? [`${experiment} began ${seconds(by)} after its time: what came before took longer`] : [];
  });
}

export interface Action {
  readonly what: string;
  /** URL. */
  readonly runbook?: string;
}

/** What the day leaves to do. */
export function actions(recorded: RecordedDay): Action[] {
  const { day } = recorded;
  const ofExperiments = experimentsOf(recorded).flatMap(({ name, outcome, journals, ledger, timings, allowed }) => {
    const runbook = runbookOf(name);
    const stuck = journals.some(({ rollbacks }) => rollbacks.some(({ status }) => status === "failed"));
    const slow = allowed && (timings.recovery?.maximum ?? 0) >= allowed.value;
    const blind = journals.some(({ steady_states: { before, during, after } }) =>
      [...before, ...during, ...after].some(({ looks }) => looks.some(({ verdict }) => verdict === "unknown")),
    );
    return [
      ...(stuck
        ? [
            {
              what: `${name}: see that its fault is gone (ballast chaos undo), and why it could not be undone`,
              runbook,
            },
          ]
        : []),
      ...(losses(ledger) > 0
        ? [{ what: `${name}: find out what became of the writes before anything else is changed`, runbook }]
        : []),
      ...(outcome === "deviated"
        ? [{ what: `${name}: find out why the hypothesis did not hold, and run it again`, runbook }]
        : []),
      ...(outcome === "failed" || outcome === "aborted"
        ? [{ what: `${name}: find out why it has ${outcome}, and run it again`, runbook }]
        : []),
      ...(slow ? [{ what: `${name}: bring its recovery below ${allowed.value} s`, runbook }] : []),
      ...(blind ? [{ what: `${name}: make its probes see at all times, or say why they cannot`, runbook }] : []),
      ...(outcome === "not run" || outcome === "interrupted"
        ? [{ what: `${name}: run what was left out`, runbook }]
        : []),
    ];
  });
  const missed = (day.load?.results ?? []).filter(({ state }) => state !== "ok");
  return [
    ...ofExperiments,
    ...missed.map(({ scenario, metric, expression, state }) => ({
      what: `${scenario}: ${metric.split("{")[0] ?? metric} ${expression} ${state === "failed" ? "was missed over the day: weigh it against the faults" : "has no data: find out why"}`,
      runbook: `${runbooks}/load-failed.md`,
    })),
  ];
}
