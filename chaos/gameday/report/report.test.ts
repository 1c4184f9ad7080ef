import assert from "node:assert/strict";
import type { Interval, RunSeries } from "../../../loadtests/series/series";
import type { Journal } from "../../run/journal";
import type { ExperimentRun, GameDay } from "../day";
import type { RecordedDay } from "../folder";
import { parsePlan } from "../plan";
import { journalOf, keptLoad, known, quickPlan, wholeLedger } from "../testing/day";
import { actions, surprises } from "./findings";
import { renderReport } from "./report";

const zero = Date.parse("2026-11-27T10:00:00.000Z");
const at = (seconds: number) => new Date(zero + seconds * 1000).toISOString();

/** Buckets are 2 % wide: the one of a duration. */
const bucket = (ms: number) => Math.floor(Math.log(ms) / Math.log(1.02));

/** A minute of ten requests a second, each of so many ms; some fail. */
function series(msAt: (second: number) => number, failedAt: (second: number) => number): RunSeries {
  const intervals = Array.from({ length: 60 }, (_, second): Interval => {
    const failed = failedAt(second);
    return { at: second, requests: 10, failed, done: 10, dropped: 0, durations: [[bucket(msAt(second)), 10]] };
  });
  return { intervalSeconds: 1, started: zero / 1000, scenarios: { "taskdb-read-task": intervals } };
}

/** A first experiment from second 10 to 30, twice, and a second one from 32 to 50. */
function recorded(
  change: {
    first?: Partial<Journal>;
    second?: Partial<Journal>;
    runs?: readonly Partial<ExperimentRun>[];
    day?: Partial<GameDay>;
    series?: RunSeries | null;
    notes?: string;
  } = {},
): RecordedDay {
  const appointment = { repeat: 1, of: 1, start: { after: 0 }, seed: 5, outcome: "held" } as const;
  const runs: ExperimentRun[] = [
    {
      ...appointment,
      of: 2,
      experiment: "first",
      started: at(10),
      ended: at(20),
      journal: "journals/01-first.json",
      ...change.runs?.[0],
    },
    {
      ...appointment,
      of: 2,
      repeat: 2,
      experiment: "first",
      started: at(20),
      ended: at(30),
      journal: "journals/02-first.json",
      ...change.runs?.[1],
    },
    {
      ...appointment,
      experiment: "second",
      started: at(32),
      ended: at(50),
      journal: "journals/03-second.json",
      ...change.runs?.[2],
    },
  ];
  const day: GameDay = {
    id: "d1",
    stack: "local",
    environment: "local",
    seed: 4711,
    commit: "0123abc",
    images: [{ namespace: "apps", container: "taskdb", image: "localhost/taskdb:1", digest: "sha256:feed" }],
    plan: "quick",
    started: at(0),
    level: at(2),
    ended: at(60),
    verdict: "held",
    runs,
    load: keptLoad,
    ...change.day,
  };
  const load =
    change.series === undefined
      ? series(
          () => 10,
          () => 0,
        )
      : change.series;
  return {
    plan: parsePlan(quickPlan(), "a plan", known),
    day,
    journals: {
      "journals/01-first.json": journalOf("first", {}, at(10)),
      "journals/02-first.json": journalOf("first", change.first, at(20)),
      "journals/03-second.json": journalOf("second", change.second, at(32)),
    },
    ...(load && { series: load }),
    ...(change.notes !== undefined && { notes: change.notes }),
  };
}

const { ballast, run } = journalOf("first");
const timing = (recovery: number) => ({
  ballast: { ...ballast, timings: [{ injected: at(22), recovery }] },
});

describe("what a GameDay finds", () => {
  it("is nothing where all held, and there is nothing to do", () => {
    assert.deepEqual(surprises(recorded()), []);
    assert.deepEqual(actions(recorded()), []);
  });

  const found: readonly [string, RecordedDay, RegExp, RegExp | undefined][] = [
    [
      "a deviation, with its reason",
      recorded({ runs: [{ outcome: "deviated", reason: "too slow" }] }),
      /^first \(1 of 2\) has deviated: too slow$/m,
      /^first: find out why the hypothesis did not hold/m,
    ],
    [
      "a probe that could not see",
      recorded({
        second: {
          steady_states: {
            before: [],
            during: [
              { name: "answers", mode: "continuous", looks: [{ at: at(40), verdict: "unknown", detail: "no route" }] },
            ],
            after: [],
          },
        },
      }),
      /^second: "answers" could not see once: no route$/m,
      /^second: make its probes see/m,
    ],
    [
      "a probe that did not come back",
      recorded({
        second: {
          steady_states: {
            before: [],
            during: [],
            after: [{ name: "answers", mode: "edge", looks: [{ at: at(49), verdict: "missed", detail: "503" }] }],
          },
        },
      }),
      /^second: "answers" did not come back: 503$/m,
      undefined,
    ],
    [
      "writes that are lost",
      recorded({ second: { ballast: { ...ballast, ledger: { ...wholeLedger, lost: 2, stale: 1 } } } }),
      /^second: 3 writes cannot be accounted for$/m,
      /^second: find out what became of the writes/m,
    ],
    [
      "a recovery beyond its objective",
      recorded({ second: timing(900) }),
      /^second: recovery took 900 s; taskdb-recovery is below 900 s$/m,
      /^second: bring its recovery below 900 s/m,
    ],
    [
      "a fault that could not be undone",
      recorded({
        second: {
          rollbacks: run.map((step) => ({ ...step, name: "undo pod-kill", status: "failed", error: "no answer" })),
        },
      }),
      /^second: undo pod-kill did not work on pod .*: no answer$/m,
      /^second: see that its fault is gone \(ballast chaos undo\)/m,
    ],
    [
      "a latency that jumps",
      recorded({
        series: series(
          (second) => (second >= 32 && second <= 50 ? 100 : 10),
          () => 0,
        ),
      }),
      /^second: P95 rose from 10(\.\d)? ms to (99|10[01])(\.\d)? ms$/m,
      undefined,
    ],
    [
      "failures that no experiment explains",
      recorded({
        series: series(
          () => 10,
          (second) => (second === 55 || second === 40 ? 3 : 0),
        ),
      }),
      /^3 requests failed while no experiment ran$/m,
      undefined,
    ],
    ["a load without a series", recorded({ series: null }), /^the load has no series/m, undefined],
    [
      "an experiment that began late",
      recorded({ runs: [{}, {}, { start: { at: 20 } }] }),
      /^second began 10 s after its time/m,
      undefined,
    ],
    ["what was not run", recorded({ runs: [{}, {}, { outcome: "not run" }] }), /^/, /^second: run what was left out/m],
  ];
  for (const [what, day, surprise, action] of found) {
    it(`is ${what}`, () => {
      assert.match(surprises(day).join("\n"), surprise);
      if (action) {
        assert.match(
          actions(day)
            .map((each) => each.what)
            .join("\n"),
          action,
        );
        assert.ok(actions(day).every(({ runbook }) => runbook?.endsWith(".md")));
      }
    });
  }
});

describe("the report of a GameDay", () => {
  const text = (day: RecordedDay) =>
    renderReport(day)
      .replaceAll(/<[^>]+>/g, " ")
      .replaceAll(/\s+/g, " ");

  it("says whether it held, of what, with which seed, and links each runbook", () => {
    const html = renderReport(recorded());
    for (const part of [
      /held<\/span>/,
      /Nothing that happens here/,
      /4711/,
      /0123abc/,
      /sha256:feed/,
      /3 of 3 runs held/,
      /chaos-first\.md/,
      /Was anything noticed/,
    ])
      assert.match(html, part);
  });

  it("gives the median, the maximum and the number over repeats", () => {
    assert.match(
      text(recorded({ first: timing(10) })),
      /first held 2 0\.2 s 1\.4 s 1\.5 s 6, 10 s \(2\) 4 s &lt; 900 s \(C-137\)/,
    );
  });

  it("draws every run over the load's errors", () => {
    const html = renderReport(recorded());
    // In each of two charts.
    assert.equal(html.split('class="span"').length - 1, 6);
    assert.match(html, /Burn of taskdb-availability by the minute/);
  });

  it("counts the budget that the day has used", () => {
    const day = recorded({
      series: series(
        () => 10,
        (second) => (second < 6 ? 1 : 0),
      ),
    });
    assert.match(text(day), /requests 600 failed 6 \(1 %\) burn over the day 10 times the even pace/);
  });

  it("is made of whatever there is: a day that was cut off before its first experiment", () => {
    const day = recorded({ day: { verdict: "cut off", runs: [] }, series: null });
    const { ended: _ended, level: _level, load: _load, ...cut } = day.day;
    const html = renderReport({ ...day, day: cut, journals: {} });
    assert.match(html, /cut off/);
    assert.match(html, /Without a series of the load nothing is known/);
  });

  it("takes in what people have written, as text", () => {
    const html = renderReport(recorded({ notes: "The pager was silent.\n<script>alert(1)</script>" }));
    assert.match(html, /The pager was silent\.\n&lt;script&gt;/);
  });

  it("escapes what others have named, and asks for nothing from elsewhere", () => {
    const hostile = '<img src=x onerror="alert(1)">';
    const html = renderReport(
      recorded({
        runs: [{ reason: hostile, outcome: "failed" }],
        day: { commit: hostile, reason: hostile },
        first: { run: run.map((step) => ({ ...step, victims: [hostile], evidence: [hostile] })) },
      }),
    );
    assert.doesNotMatch(html, /<img|<script/);
    assert.doesNotMatch(html, /(src|url)\s*[=(]\s*["']?http/);
  });
});
