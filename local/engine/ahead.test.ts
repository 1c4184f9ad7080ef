import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { type ChangeOptions, outputs, up } from ".";
import type { EngineEvent } from "./events";
import { argumentsOf, killProcessesWith, processesWith } from "./testing/processes";
import { TestProject } from "./testing/project";

/** Notes each of its runs in a file, so that a run too many shows. */
const program = (more: string, keeper = "kept"): string => `
  import { appendFileSync } from "node:fs";
  import * as pulumi from "@pulumi/pulumi";
  import { RandomPet } from "@pulumi/random/randomPet";
  appendFileSync(process.env.RUNS!, (pulumi.runtime.isDryRun() ? "preview" : "update") + "\\n");
  const pet = new RandomPet("pet", { keepers: { word: ${JSON.stringify(keeper)} } });
  ${more}
`;

describe("the update's program, started during the preview", function () {
  this.timeout(120_000);
  const marker = randomUUID();
  let project: TestProject;
  let events: EngineEvent[];

  beforeEach(() => {
    events = [];
    project = new TestProject({ name: "ahead", program: program("export const said = 'first';") });
  });
  afterEach(() => {
    killProcessesWith("BALLAST_TEST_RUN", marker);
    project.remove();
  });

  const runsFile = (): string => path.join(project.folder, "runs");
  const runs = (): string[] => (existsSync(runsFile()) ? readFileSync(runsFile(), "utf8").trimEnd().split("\n") : []);
  const processes = (): number[] => processesWith("BALLAST_TEST_RUN", marker);
  /** Those of the update: a preview's program is told that it is one. */
  const waiting = (): number[] =>
    processes().filter((pid) => argumentsOf(pid).includes("--monitor") && !argumentsOf(pid).includes("--dry-run"));
  const operate = (more: Partial<ChangeOptions> = {}): ReturnType<typeof up> =>
    up({
      ...project.options(),
      environment: { BALLAST_TEST_RUN: marker, RUNS: runsFile() },
      events: (event) => void events.push(event),
      ...more,
    });
  /** What waits when the preview's program has done its part. */
  const atSummary = (): { readonly events: (event: EngineEvent) => void; readonly found: () => number } => {
    let found = -1;
    return {
      found: () => found,
      events: (event) => {
        if (event.kind === "summary" && event.dryRun) found = waiting().length;
      },
    };
  };
  const preludes = (): boolean[] => events.flatMap((event) => (event.kind === "prelude" ? [event.dryRun] : []));

  it("runs nothing of the program before the plan is confirmed, and then the program as it stands", async () => {
    const confirm = async (): Promise<boolean> => {
      assert.equal(waiting().length, 1, "it waits");
      assert.deepEqual([runs(), preludes()], [["preview"], [true]]);
      await assert.rejects(outputs(project.options()), /has no state/);
      project.write(program("export const said = 'second';"));
      return true;
    };
    const { result, outputs: made } = await operate({ confirm });
    assert.deepEqual([result, made.said, runs()], ["succeeded", "second", ["preview", "update"]]);
    assert.deepEqual(preludes(), [true, false]);
    const summary = events.at(-1);
    assert.ok(summary?.kind === "summary" && !summary.dryRun);
  });

  for (const [answer, confirm] of [
    ["declined", async () => false],
    ["never given", () => Promise.reject(new Error("the terminal is gone"))],
  ] as const) {
    it(`ends when the confirmation is ${answer}`, async () => {
      let found = 0;
      const operation = operate({
        confirm: () => {
          found = waiting().length;
          return confirm();
        },
      });
      if (answer === "declined") assert.equal((await operation).result, "canceled");
      else await assert.rejects(operation, /the terminal is gone/);
      assert.deepEqual([found, waiting(), runs(), preludes()], [1, [], ["preview"], [true]]);
      await assert.rejects(outputs(project.options()), /has no state/);
      assert.deepEqual(project.leftovers(), []);
    });
  }

  it("ends when the preview fails", async () => {
    project.write(program(`pet.id.apply(() => undefined); throw new Error("cannot go on");`));
    const at = atSummary();
    const { result } = await operate(at);
    assert.deepEqual([result, at.found(), waiting(), runs()], ["failed", 1, [], ["preview"]]);
    assert.deepEqual(project.leftovers(), []);
  });

  it("ends at Ctrl-C during the preview", async () => {
    project.write(program("setInterval(() => undefined, 1000);"));
    const controller = new AbortController();
    let found = 0;
    const { result } = await operate({
      signal: controller.signal,
      events: (event) => {
        if (event.kind !== "step-end" || !event.step.urn.endsWith("::pet")) return;
        found = waiting().length;
        controller.abort();
      },
    });
    assert.deepEqual([result, found, waiting(), runs()], ["canceled", 1, [], ["preview"]]);
    assert.deepEqual(project.leftovers(), []);
  });

  it("ends when a policy is violated", async () => {
    project.write(program("", "forbidden").replace("{ keepers: { word", "{ prefix: 'forbidden', keepers: { word"));
    const at = atSummary();
    const directory = path.join(__dirname, "policy/fixtures/pack");
    const { result } = await operate({ ...at, policyPacks: [{ directory }] });
    assert.deepEqual([result, at.found(), waiting(), runs()], ["failed", 1, [], ["preview"]]);
    assert.deepEqual(project.leftovers(), []);
  });

  it("is not started when there is nothing to do", async () => {
    assert.equal((await operate({ skipPreview: true })).result, "succeeded");
    rmSync(runsFile());
    const at = atSummary();
    const { changes } = await operate(at);
    assert.deepEqual([changes, at.found(), runs()], [{ same: 3 }, 0, ["preview"]]);
  });

  it("is told of when it ends before its time, in the update that it was for", async () => {
    const confirm = async (): Promise<boolean> => {
      for (const pid of waiting()) process.kill(pid, "SIGKILL");
      return true;
    };
    const { result, diagnostics } = await operate({ confirm });
    assert.deepEqual(
      [result, diagnostics.map(({ message }) => message)],
      ["failed", ["the program was ended by SIGKILL"]],
    );
    const order = events.flatMap((event) =>
      event.kind === "prelude" || event.kind === "diagnostic" || event.kind === "summary" ? [event.kind] : [],
    );
    assert.deepEqual(order, ["prelude", "summary", "prelude", "diagnostic", "summary"]);
    assert.deepEqual(project.leftovers(), []);
  });
});
