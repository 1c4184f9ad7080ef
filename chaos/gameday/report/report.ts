import { markup, type Part } from "../../../loadtests/report/html";
import { badge, facts, page, tableOf } from "../../../loadtests/report/page";
import { losses } from "../../run/run";
import type { RecordedDay } from "../folder";
import { budgets, thresholds } from "./budget";
import { type ExperimentOfDay, experimentsOf } from "./experiments";
import { actions, runbookOf, surprises } from "./findings";
import { DayLoad } from "./load";
import { timeline } from "./timeline";
import { rounded, shown, time } from "./words";

/** The report of a day, one document, from its files alone. */
export function renderReport(recorded: RecordedDay): string {
  const { plan, day } = recorded;
  const load = DayLoad.of(recorded);
  return page(`GameDay ${plan.title}`, [
    { title: "Did it hold?", body: summary(recorded) },
    { title: "Experiments", body: experiments(experimentsOf(recorded)) },
    { title: "Timeline", body: timeline(recorded, load) },
    { title: "Error budget", body: budgets(recorded) },
    { title: "Load over the whole day", body: thresholds(day) },
    { title: "Acknowledged writes", body: ledgers(experimentsOf(recorded)) },
    { title: "What was surprising", body: listed(surprises(recorded), "Nothing that the records show.") },
    { title: "Questions and notes", body: notes(recorded) },
    { title: "Actions", body: actionList(recorded) },
    { title: "Evidence", body: evidence(recorded) },
    { title: "Circumstances", body: circumstances(recorded) },
  ]);
}

function summary({ plan, day }: RecordedDay): Part {
  const ran = day.runs.filter(({ outcome }) => outcome !== "not run");
  const held = ran.filter(({ outcome }) => outcome === "held").length;
  return facts([
    ["verdict", shown(day.verdict)],
    ["reason", day.reason],
    ["hypothesis", plan.hypothesis],
    [
      "experiments",
      `${held} of ${day.runs.length} runs held${ran.length < day.runs.length ? `; ${day.runs.length - ran.length} not run` : ""}`,
    ],
    ["began", time(day.started)],
    ["ended", day.ended ? time(day.ended) : "it was cut off, or still runs"],
    ["stack", `${day.stack} (${day.environment})`],
    ["shows", plan.requirements.join(", ")],
    ["facilitator", plan.roles.facilitator],
    ["operator", plan.roles.operator],
    ["observer", plan.roles.observer],
  ]);
}

function experiments(all: readonly ExperimentOfDay[]): Part {
  const header = [
    "EXPERIMENT",
    "OUTCOME",
    "RUNS",
    "FIRST ERROR",
    "LAST ERROR",
    "WRITE PAUSE",
    "MTTR",
    "REDUNDANCY",
    "ALLOWED",
    "LOST",
  ];
  const rows = all.map(({ name, outcome, runs, timings, ledger, allowed }) => [
    markup`<a href="${runbookOf(name)}">${name}</a>`,
    shown(outcome),
    runs.filter(({ outcome: each }) => each !== "not run").length,
    spread(timings.firstError),
    spread(timings.lastError),
    spread(timings.writeGap),
    spread(timings.recovery),
    spread(timings.redundancyRestored),
    allowed ? `< ${allowed.value} s (${allowed.requirement})` : undefined,
    ledger ? losses(ledger) : undefined,
  ]);
  return [
    tableOf(header, rows),
    markup`<p>Since a fault was injected: median, maximum, and of how many faults. MTTR is until users were served again, redundancy until everything was as before. An error that did not come has no time.</p>`,
  ];
}

const spread = (of: ExperimentOfDay["timings"]["recovery"]): string | undefined =>
  of && (of.n === 1 ? `${rounded(of.median)} s` : `${rounded(of.median)}, ${rounded(of.maximum)} s (${of.n})`);

function ledgers(all: readonly ExperimentOfDay[]): Part {
  const rows = all.flatMap(({ name, ledger }) =>
    ledger
      ? [
          [
            name,
            ledger.acknowledged,
            ledger.failed,
            ledger.indeterminate,
            ...[ledger.lost, ledger.duplicated, ledger.resurrected, ledger.stale].map((count) =>
              count === 0 ? count : badge("bad", String(count)),
            ),
            ledger.twoPrimaries === undefined
              ? undefined
              : ledger.twoPrimaries === 0
                ? "never"
                : badge("bad", `${rounded(ledger.twoPrimaries)} s`),
            `${rounded(ledger.longestGap)} s`,
            ledger.readFrom.join(", "),
          ],
        ]
      : [],
  );
  if (rows.length === 0) return markup`<p>No experiment of this day kept a ledger of writes.</p>`;
  const header = [
    "EXPERIMENT",
    "ACKNOWLEDGED",
    "FAILED",
    "OPEN",
    "LOST",
    "DOUBLED",
    "RESURRECTED",
    "STALE",
    "TWO PRIMARIES",
    "LONGEST PAUSE",
    "READ FROM",
  ];
  return tableOf(header, rows);
}

const listed = (lines: readonly Part[], nothing: string): Part =>
  lines.length === 0 ? markup`<p>${nothing}</p>` : markup`<ul>${lines.map((line) => markup`<li>${line}</li>\n`)}</ul>`;

function notes({ plan, notes: text }: RecordedDay): Part {
  return [
    listed(plan.questions, ""),
    text === undefined
      ? markup`<p>Whoever was there writes notes.md beside this file, then: ballast gameday report FOLDER</p>`
      : markup`<div style="white-space: pre-wrap">${text.trim()}</div>`,
  ];
}

function actionList(recorded: RecordedDay): Part {
  const lines = actions(recorded).map(({ what, runbook }) => [
    what,
    runbook === undefined ? undefined : markup` (<a href="${runbook}">runbook</a>)`,
  ]);
  return listed(lines, "None that the records ask for.");
}

/** How each fault is known to have happened and ended. */
function evidence({ day, journals }: RecordedDay): Part {
  const rows = day.runs.flatMap(({ journal, experiment }, index) =>
    (journal === undefined ? [] : [...(journals[journal]?.run ?? []), ...(journals[journal]?.rollbacks ?? [])]).map(
      ({ name, status, evidence: proofs, error }) => [
        index + 1,
        experiment,
        name,
        badge(status === "succeeded" ? "good" : "bad", status),
        [...proofs, ...(error === undefined ? [] : [error])].map((proof) => markup`${proof}<br>`),
      ],
    ),
  );
  return tableOf(["", "EXPERIMENT", "STEP", "STATUS", "HOW IT IS KNOWN"], rows);
}

function circumstances({ plan, day }: RecordedDay): Part {
  return [
    facts([
      ["plan", plan.name],
      ["id", day.id],
      ["seed", day.seed],
      ["commit", day.commit],
      ["load", `${plan.load.profile} of ${plan.load.scenarios.join(", ")}`],
    ]),
    tableOf(
      ["NAMESPACE", "CONTAINER", "IMAGE", "DIGEST"],
      day.images.map(({ namespace, container, image, digest }) => [namespace, container, image, digest]),
    ),
  ];
}
