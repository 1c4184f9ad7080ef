import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Journal } from "../run/journal";
import type { Requests } from "./burn";
import type { GameDay, LoadEnd } from "./day";
import { DayFolder } from "./folder";
import { type GameDayPlanInput, parsePlan } from "./plan";
import { type GameDayParts, type RunningLoad, runGameDay } from "./run";
import { journalOf, keptLoad, known, quickPlan, wholeLedger } from "./testing/day";

const setting = { id: "d1", stack: "local", environment: "local", seed: 7, commit: "abc", images: [] } as const;

describe("a GameDay", () => {
  let folder: DayFolder;
  beforeEach(async () => {
    folder = await DayFolder.make(await mkdtemp(join(tmpdir(), "ballast-gameday-")));
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));

  /** What was done, in order. */
  let log: string[];
  let loadStopped: boolean;
  let recent: Requests;
  beforeEach(() => {
    log = [];
    loadStopped = false;
    recent = { requests: 10, failed: 0 };
  });

  const load = (signal: AbortSignal, end: LoadEnd = keptLoad): RunningLoad => ({
    onLevel: Promise.resolve(),
    recent: () => recent,
    ended: new Promise((resolve) =>
      signal.addEventListener("abort", () => {
        loadStopped = true;
        resolve(end);
      }),
    ),
  });
  const parts = (change: Partial<GameDayParts> = {}): GameDayParts => ({
    possible: async () => true,
    run: async (name, seed) => {
      log.push(`${name} ${seed}`);
      return journalOf(name);
    },
    startLoad: async (signal) => {
      log.push("load");
      return load(signal);
    },
    say: () => undefined,
    ...change,
  });
  const hold = (
    plan: Partial<GameDayPlanInput> = {},
    change: Partial<GameDayParts> = {},
    signal = new AbortController().signal,
  ): Promise<GameDay> =>
    runGameDay(parsePlan(quickPlan(plan), "a plan", known), setting, folder, parts(change), signal);
  const outcomes = ({ runs }: GameDay) => runs.map(({ experiment, outcome }) => `${experiment}: ${outcome}`);

  /** Runs as `run` does, but answers with another journal for one experiment. */
  const answering = (name: string, change: Partial<Journal>): Partial<GameDayParts> => ({
    run: async (each) => journalOf(each, each === name ? change : {}),
  });

  it("puts the load on first, runs every experiment in its turn, and has ended the load when it is over", async () => {
    const day = await hold();
    assert.deepEqual(
      log.map((each) => each.split(" ")[0]),
      ["load", "first", "first", "second"],
    );
    assert.equal(day.verdict, "held");
    assert.ok(loadStopped);
    assert.deepEqual(outcomes(day), ["first: held", "first: held", "second: held"]);
  });

  it("makes the same decisions with the same seed", async () => {
    await hold();
    const first = log;
    log = [];
    await hold();
    assert.deepEqual(log, first);
    log = [];
    await runGameDay(
      parsePlan(quickPlan(), "a plan", known),
      { ...setting, seed: 8 },
      folder,
      parts(),
      new AbortController().signal,
    );
    assert.notDeepEqual(log, first);
  });

  it("leaves everything that its report needs in its folder", async () => {
    const day = await hold();
    const read = await folder.read();
    assert.deepEqual(read.day, day);
    assert.equal(read.plan.name, "quick");
    assert.deepEqual(Object.keys(read.journals), [
      "journals/01-first.json",
      "journals/02-first.json",
      "journals/03-second.json",
    ]);
    assert.deepEqual(
      read.day.runs.map(({ journal }) => journal),
      Object.keys(read.journals),
    );
  });

  it("touches nothing where one of its experiments cannot be run", async () => {
    const possible = async (name: string) => (name === "second" ? "there are no nodes here" : true);
    await assert.rejects(hold({}, { possible }), /quick cannot be held here:\n {2}second: there are no nodes here/);
    assert.deepEqual(log, []);
  });

  it("has deviated when an experiment has, and goes on only where the plan tolerates that", async () => {
    const tolerant = await hold(
      { abort: { deadline: 60, tolerate: ["deviated"] } },
      answering("first", { deviated: true }),
    );
    assert.equal(tolerant.verdict, "deviated");
    assert.deepEqual(outcomes(tolerant), ["first: deviated", "first: deviated", "second: held"]);
    const strict = await hold({}, answering("first", { deviated: true }));
    assert.equal(strict.verdict, "aborted");
    assert.match(strict.reason ?? "", /first has deviated, which this plan does not tolerate/);
    assert.deepEqual(outcomes(strict), ["first: deviated", "first: not run", "second: not run"]);
  });

  it("takes a lost write for a deviation, whatever the probes say", async () => {
    const { ballast } = journalOf("second");
    const day = await hold(
      { abort: { deadline: 60, tolerate: ["deviated"] } },
      answering("second", { ballast: { ...ballast, ledger: { ...wholeLedger, lost: 1 } } }),
    );
    assert.equal(day.verdict, "deviated");
  });

  it("fails when an experiment failed, tolerated or not", async () => {
    const run = async () => Promise.reject<Journal>(new Error("no such pod"));
    const day = await hold({ abort: { deadline: 60, tolerate: ["failed"] } }, { run });
    assert.equal(day.verdict, "failed");
    assert.deepEqual(
      day.runs.map(({ reason }) => reason),
      ["no such pod", "no such pod", "no such pod"],
    );
  });

  it("ends at once when a fault could not be undone, whatever the plan tolerates", async () => {
    const [step] = journalOf("first").run;
    assert.ok(step);
    const day = await hold(
      { abort: { deadline: 60, tolerate: ["failed", "deviated"] } },
      answering("first", { status: "failed", rollbacks: [{ ...step, status: "failed", error: "no answer" }] }),
    );
    assert.equal(day.verdict, "failed");
    assert.deepEqual(outcomes(day), ["first: failed", "first: not run", "second: not run"]);
    assert.ok(loadStopped);
  });

  it("ends when the load ends by itself, with what k6 said", async () => {
    const ended = Promise.resolve({ code: 108, results: [], errors: ["taskdb is not ready"] });
    let interrupted = false;
    const day = await hold(
      {},
      {
        startLoad: async () => ({ onLevel: new Promise(() => undefined), recent: () => undefined, ended }),
        run: async (name) => {
          interrupted = true;
          return journalOf(name);
        },
      },
    );
    assert.equal(day.verdict, "failed");
    assert.match(day.reason ?? "", /the load ended by itself \(108\): taskdb is not ready/);
    assert.ok(!interrupted, "an experiment ran without load");
  });

  it("knows nothing of a load without data: that is no pass", async () => {
    const [result] = keptLoad.results;
    assert.ok(result);
    const end: LoadEnd = { code: 99, results: [{ ...result, state: "unknown" }], errors: [] };
    const day = await hold({}, { startLoad: async (signal) => load(signal, end) });
    assert.equal(day.verdict, "failed");
  });

  it("waits for the end of the experiment that the operator interrupts, then ends the load", async () => {
    const operator = new AbortController();
    const day = await hold(
      {},
      {
        run: async (name, _seed, signal) => {
          operator.abort();
          assert.ok(signal.aborted, "the experiment is not told");
          await new Promise((resolve) => setImmediate(resolve));
          assert.ok(!loadStopped, "the load ended before the experiment was undone");
          return journalOf(name, { status: "interrupted" });
        },
      },
      operator.signal,
    );
    assert.equal(day.verdict, "interrupted");
    assert.deepEqual(outcomes(day), ["first: interrupted", "first: not run", "second: not run"]);
    assert.ok(loadStopped);
    assert.deepEqual((await folder.read()).day, day);
  });

  it("is over when the budget burns too fast, with the experiment under way interrupted", async () => {
    recent = { requests: 10, failed: 10 };
    const day = await hold(
      { abort: { deadline: 60, burn: { objective: "taskdb-availability", factor: 500, over: 5 } } },
      {
        run: (name, _seed, signal) =>
          new Promise((resolve) =>
            signal.addEventListener("abort", () => resolve(journalOf(name, { status: "interrupted" }))),
          ),
      },
    );
    assert.equal(day.verdict, "aborted");
    assert.match(
      day.reason ?? "",
      /taskdb-availability burns its budget 1000 times as fast as it may over 5 s; 500 is the limit/,
    );
  });

  it("is over at its deadline", async () => {
    const timeline = [{ experiment: "first", start: { after: 0 } }];
    const day = await hold(
      { timeline, abort: { deadline: 1.1 } },
      {
        run: (name, _seed, signal) =>
          new Promise((resolve) =>
            signal.addEventListener("abort", () => resolve(journalOf(name, { status: "interrupted" }))),
          ),
      },
    );
    assert.deepEqual([day.verdict, day.reason], ["aborted", "deadline of 1.1 s"]);
  });

  it("that is cut off says so", async () => {
    let cutOff: GameDay | undefined;
    await hold(
      {},
      {
        run: async (name) => {
          cutOff = (await folder.read()).day;
          return journalOf(name);
        },
      },
    );
    assert.equal(cutOff?.verdict, "cut off");
    assert.deepEqual(cutOff && outcomes(cutOff), ["first: held", "first: held", "second: not run"]);
  });
});
