import { objectives } from "../../../infra/slos/table";
import { lineChart } from "../../../loadtests/report/chart";
import { markup, type Part } from "../../../loadtests/report/html";
import { tableOf } from "../../../loadtests/report/page";
import type { ExperimentRun, GameDay } from "../day";
import type { RecordedDay } from "../folder";
import type { DayLoad } from "./load";
import { rounded, shown } from "./words";

/** What ran when, over what its users saw of it. */
export function timeline({ plan, day, journals }: RecordedDay, load: DayLoad | undefined): Part {
  const ran = day.runs.flatMap((run, index) => (run.started === undefined ? [] : [{ run, number: index + 1 }]));
  const begin = load ? (moment: string) => load.since(moment) : (moment: string) => sinceStart(day, moment);
  const header = ["", "AT", "EXPERIMENT", "OUTCOME", "TOOK", "HIT", "REQUESTS", "FAILED", "P95"];
  const rows = ran.map(({ run, number }) => {
    const span = load?.during(run);
    const victims = run.journal === undefined ? [] : (journals[run.journal]?.run ?? []).flatMap((step) => step.victims);
    return [
      number,
      `${Math.round(begin(run.started ?? day.started))} s`,
      `${run.experiment}${run.of > 1 ? ` (${run.repeat} of ${run.of})` : ""}`,
      shown(run.outcome),
      run.ended === undefined
        ? undefined
        : `${rounded((Date.parse(run.ended) - Date.parse(run.started ?? "")) / 1000)} s`,
      [...new Set(victims)].map((victim) => markup`${victim}<br>`),
      span?.requests,
      span?.failed,
      span?.p95 === undefined ? undefined : `${rounded(span.p95)} ms`,
    ];
  });
  return [load && charts(plan.load.profile, day, load, ran), tableOf(header, rows)];
}

const sinceStart = (day: GameDay, moment: string): number => (Date.parse(moment) - Date.parse(day.started)) / 1000;

function charts(
  profile: string,
  day: GameDay,
  load: DayLoad,
  ran: readonly { run: ExperimentRun; number: number }[],
): Part {
  const points = load.overTime();
  const per = load.intervalSeconds;
  const line = (name: string, y: (span: (typeof points)[number]["span"]) => number | undefined) => ({
    name,
    points: points.map(({ from, span }) => ({ x: from, y: y(span) })),
  });
  // The table below says which number is which: names would cover each other.
  const spans = ran.flatMap(({ run: { started, ended }, number }) =>
    started === undefined || ended === undefined
      ? []
      : [{ name: String(number), from: load.since(started), to: load.since(ended) }],
  );
  const response = objectives(day.environment).find(({ id }) => id === "taskdb-response");
  return [
    lineChart({
      title: `Requests under ${profile} load`,
      unit: "a second",
      series: [line("requests", ({ requests }) => requests / per), line("failed", ({ failed }) => failed / per)],
      spans,
    }),
    lineChart({
      title: "Time to the answer",
      unit: "ms",
      series: [line("median", ({ median }) => median), line("P95", ({ p95 }) => p95)],
      ...(response && { limit: { name: `${response.id} ${response.value} ms`, value: response.value } }),
      spans,
    }),
  ];
}
