import assert from "node:assert/strict";
import { appointments } from "./day";
import { type GameDayPlanInput, InvalidPlan, leastSeconds, parsePlan } from "./plan";
import { experimentOf, known, quickPlan } from "./testing/day";

const problemsOf = (data: unknown): readonly string[] => {
  try {
    parsePlan(data, "a plan", known);
  } catch (error) {
    assert.ok(error instanceof InvalidPlan);
    return error.problems;
  }
  return assert.fail("it was taken for valid");
};

describe("the plan of a GameDay", () => {
  const broken: readonly [string, object, RegExp][] = [
    ["a field that is missing", { hypothesis: undefined }, /^hypothesis is missing/],
    ["an unknown field", { loads: 1 }, /loads/],
    [
      "a role that nobody has",
      { roles: { facilitator: "leads the day", operator: "acts as on any day" } },
      /^roles\.observer is missing/,
    ],
    ["a profile that is not there", { load: { ...quickPlan().load, profile: "gale" } }, /^load\.profile is "gale"/],
    [
      "a profile that only rises",
      { load: { ...quickPlan().load, profile: "breakpoint" } },
      /^load\.profile is "breakpoint": it does not end on a level/,
    ],
    [
      "a scenario that is not there",
      { load: { ...quickPlan().load, scenarios: ["tasksdb"] } },
      /load\.scenarios: no scenario tasksdb; there are: taskdb/,
    ],
    [
      "an experiment that is not there",
      { timeline: [{ experiment: "third" }] },
      /^timeline\.0\.experiment is "third": there are first, second/,
    ],
    ["no experiment at all", { timeline: [] }, /^timeline is \[\]/],
    [
      "a start in two ways",
      { timeline: [{ experiment: "first", start: { at: 1, after: 1 } }] },
      /^timeline\.0\.start is/,
    ],
    [
      "a start before that of an earlier one",
      {
        timeline: [
          { experiment: "first", start: { at: 30 } },
          { experiment: "second", start: { at: 20 } },
        ],
      },
      /^timeline\.1\.start\.at is 20: it must not be before 30/,
    ],
    ["repeats without end", { timeline: [{ experiment: "first", repeat: 1000 }] }, /^timeline\.0\.repeat is 1000/],
    [
      "a deadline that the timeline cannot keep",
      { abort: { deadline: 2 } },
      /^abort\.deadline is 2: the timeline alone takes 3 s/,
    ],
    [
      "a budget that nothing measures",
      { abort: { deadline: 60, burn: { objective: "taskdb-response", factor: 10, over: 60 } } },
      /^abort\.burn\.objective is "taskdb-response": availabilities are edge-availability, taskdb-availability/,
    ],
    [
      "an outcome that cannot be tolerated",
      { abort: { deadline: 60, tolerate: ["interrupted"] } },
      /^abort\.tolerate\.0 is "interrupted"/,
    ],
    ["a requirement that is none", { requirements: ["first"] }, /^requirements\.0 is "first"/],
    ["no question", { questions: [] }, /^questions is \[\]/],
  ];
  for (const [what, change, message] of broken) {
    it(`is refused with ${what}, and says where`, () => {
      assert.match(problemsOf({ ...quickPlan(), ...change }).join("\n"), message);
    });
  }

  it("names every problem at once", () => {
    assert.equal(
      problemsOf({ ...quickPlan(), timeline: [{ experiment: "third" }, { experiment: "fourth" }] }).length,
      2,
    );
  });

  it("knows how long it takes at the least: what starts by the clock waits for its time", () => {
    const load: GameDayPlanInput["load"] = { profile: "smoke", scenarios: ["taskdb"], before: 10, after: 5 };
    const plan = (timeline: object[]) =>
      parsePlan({ ...quickPlan({ load }), timeline, abort: { deadline: 600 } }, "a plan", [
        experimentOf("first", 20),
        experimentOf("second", 30),
      ]);
    const of = (timeline: object[]) =>
      leastSeconds(plan(timeline), [experimentOf("first", 20), experimentOf("second", 30)]);
    assert.equal(of([{ experiment: "first", start: { after: 5 }, repeat: 2, rest: 7 }]), 10 + 5 + 20 + 7 + 20 + 5);
    assert.equal(
      of([
        { experiment: "first", start: { at: 0 } },
        { experiment: "second", start: { at: 100 } },
      ]),
      10 + 100 + 30 + 5,
    );
    assert.equal(
      of([
        { experiment: "first", start: { at: 0 } },
        { experiment: "second", start: { at: 10 } },
      ]),
      10 + 20 + 30 + 5,
    );
  });

  it("decides the same with the same seed, and draws anew for each repeat", () => {
    const plan = parsePlan(quickPlan(), "a plan", known);
    assert.deepEqual(appointments(plan, 7), appointments(plan, 7));
    const drawn = appointments(plan, 7);
    assert.deepEqual(
      drawn.map(({ experiment, repeat, of }) => [experiment, repeat, of]),
      [
        ["first", 1, 2],
        ["first", 2, 2],
        ["second", 1, 1],
      ],
    );
    const seeds = (of: number) => appointments(plan, of).map(({ seed }) => seed);
    assert.equal(new Set([...seeds(7), ...seeds(8)]).size, 6);
  });
});
