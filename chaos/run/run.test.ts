import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Look } from "./journal";
import { AlreadyRunning, ChaosLease } from "./lease";
import { runExperiment } from "./run";
import { experimentOf, Lab, ledgerOf, probe } from "./testing/lab";

const hypothesis = (...probes: readonly ReturnType<typeof probe>[]) => ({
  "steady-state-hypothesis": { title: "all is well", probes: [...probes] },
});

/** Looks that are not met from the moment on that the fault is injected, for so many looks. */
function missedAfterInjection(lab: Lab, looks: number, verdict: Look["verdict"] = "missed") {
  let left = looks;
  return async (): Promise<Look> => {
    const missed = lab.happened.includes("inject") && left-- > 0;
    return { at: new Date().toISOString(), verdict: missed ? verdict : "met", detail: "a look" };
  };
}

describe("a run of an experiment", () => {
  it("injects, proves, holds, undoes, and leaves no lease behind", async () => {
    const lab = new Lab();
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
    assert.equal(journal.status, "completed");
    assert.equal(journal.deviated, false);
    assert.deepEqual(journal.run[0]?.evidence, ["it happened", "it ended"]);
    assert.equal(lab.leases.lease, undefined);
  });

  it("hits the same victims for the same seed, and others for another", async () => {
    const victims = async (seed: number) => {
      const lab = new Lab();
      const { run } = await runExperiment(experimentOf({}, 6), lab.ground, lab.parts({ seed }));
      return run.map((each) => each.victims.join());
    };
    assert.deepEqual(await victims(7), await victims(7));
    assert.notDeepEqual(await victims(7), await victims(8));
  });

  for (const verdict of ["missed", "unknown"] as const) {
    it(`touches nothing where the steady state is ${verdict} before, and says which probe`, async () => {
      const lab = new Lab();
      lab.verdict = verdict;
      const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
      assert.equal(journal.status, "failed");
      assert.match(
        journal.ballast.reason ?? "",
        /^it was not steady before, so nothing was touched: "answers \(continuous\)"/,
      );
      assert.deepEqual(lab.happened, []);
      assert.equal(lab.leases.lease, undefined);
    });
  }

  it("waits for the steady state a while before it gives up", async () => {
    const lab = new Lab();
    let missed = 2;
    const look = async (): Promise<Look> => ({
      at: new Date().toISOString(),
      verdict: missed-- > 0 ? "missed" : "met",
      detail: "a look",
    });
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts({ look, steadyWithin: 5 }));
    assert.equal(journal.status, "completed");
  });

  it("has failed when the fault never takes hold, and undoes it all the same", async () => {
    const lab = new Lab();
    lab.steps.proof = () => Promise.reject(new Error("the pod is still there"));
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
    assert.equal(journal.status, "failed");
    assert.equal(journal.ballast.reason, "the pod is still there");
    assert.ok(lab.happened.includes("undo"));
    assert.equal(lab.leases.lease, undefined);
  });

  it("undoes what it could only half inject", async () => {
    const lab = new Lab();
    lab.steps.inject = () => Promise.reject(new Error("forbidden"));
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
    assert.deepEqual([journal.status, journal.ballast.reason], ["failed", "forbidden"]);
    assert.ok(lab.happened.includes("undo"));
  });

  it("tries a rollback again, and goes on when one of the tries works", async () => {
    const lab = new Lab();
    let tries = 0;
    lab.steps.undo = () => (++tries < 3 ? Promise.reject(new Error("not yet")) : Promise.resolve("it ended"));
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
    assert.equal(journal.status, "completed");
    assert.ok(lab.happened.includes("undo of pod-kill failed (2 of 3): not yet"));
  });

  it("says loudly what could not be undone, and keeps the record of it in the cluster", async () => {
    const lab = new Lab();
    lab.steps.undo = () => Promise.reject(new Error("the node is gone"));
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
    assert.equal(journal.status, "failed");
    assert.match(
      journal.ballast.reason ?? "",
      /^ATTENTION: not undone: undo pod-kill on pod lab\/.*the node is gone.*ballast chaos undo/,
    );
    const held = await ChaosLease.read(lab.ground);
    assert.equal(held?.live, false);
    assert.deepEqual(
      held?.undo.map(({ fault }) => fault),
      ["pod-kill"],
    );
    await assert.rejects(
      runExperiment(experimentOf(), lab.ground, lab.parts()),
      /lab was cut off and left faults; first: ballast chaos undo/,
    );
  });

  it("is ended, and undone, when a probe has been outside its tolerance for too long", async () => {
    const lab = new Lab();
    const experiment = experimentOf({
      limits: { namespaces: ["lab"], share: 1, deadline: 30, abortAfter: 0.05 },
      method: [{ ...longFault }],
    });
    const look = missedAfterInjection(lab, 40);
    const journal = await runExperiment(experiment, lab.ground, lab.parts({ look }));
    assert.equal(journal.status, "aborted");
    assert.match(journal.ballast.reason ?? "", /^"answers \(continuous\)" has been outside its tolerance for/);
    assert.ok(lab.happened.includes("undo"));
  });

  it("is ended, and undone, at its deadline", async () => {
    const lab = new Lab();
    const limits = { namespaces: ["lab"], share: 1, deadline: 0.1 };
    const journal = await runExperiment(experimentOf({ limits, method: [longFault] }), lab.ground, lab.parts());
    assert.deepEqual([journal.status, journal.ballast.reason], ["aborted", "deadline of 0.1 s"]);
    assert.ok(lab.happened.includes("undo"));
  });

  it("is ended, and undone, by the operator: while a proof is waited for, and while the fault is held", async () => {
    for (const where of ["proof", "hold"] as const) {
      const lab = new Lab();
      const interrupted = async () => {
        lab.operator.abort();
        if (where === "proof") await delay(60_000, undefined, { ref: false });
        return "it happened";
      };
      lab.steps.proof = interrupted;
      const journal = await runExperiment(experimentOf({ method: [longFault] }), lab.ground, lab.parts());
      assert.deepEqual([journal.status, journal.ballast.reason], ["interrupted", "interrupted by the operator"], where);
      assert.ok(lab.happened.includes("undo"), where);
      assert.equal(lab.leases.lease, undefined, where);
    }
  });

  it("does not strike again where the step before has not healed", async () => {
    const lab = new Lab();
    const look = missedAfterInjection(lab, Number.POSITIVE_INFINITY);
    const journal = await runExperiment(experimentOf({}, 2), lab.ground, lab.parts({ look }));
    assert.equal(journal.status, "aborted");
    assert.match(journal.ballast.reason ?? "", /^not whole again 0\.3 s after step 1; no further fault/);
    assert.equal(lab.happened.filter((each) => each === "inject").length, 1);
    assert.equal(journal.deviated, true);
  });

  it("has deviated when what was to hold during the fault did not, or was not seen", async () => {
    for (const verdict of ["missed", "unknown"] as const) {
      const lab = new Lab();
      const look = missedAfterInjection(lab, 1, verdict);
      const experiment = experimentOf(hypothesis(probe("edge"), probe("during")));
      const journal = await runExperiment(experiment, lab.ground, lab.parts({ look }));
      assert.deepEqual([journal.status, journal.deviated], ["completed", true], verdict);
    }
  });

  it("has not deviated by what was only disturbed for a while", async () => {
    const lab = new Lab();
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts({ look: missedAfterInjection(lab, 2) }));
    assert.deepEqual([journal.status, journal.deviated], ["completed", false]);
    assert.ok((journal.ballast.timings[0]?.firstError ?? -1) >= 0);
    assert.ok((journal.ballast.timings[0]?.recovery ?? -1) >= (journal.ballast.timings[0]?.firstError ?? 0));
  });

  for (const [what, ledger, expected] of [
    ["nothing is missing", ledgerOf({}), ["completed", false]],
    ["an acknowledged write is lost", ledgerOf({ lost: 1 }), ["completed", true]],
    ["a reader was given less than was acknowledged", ledgerOf({ stale: 1 }), ["completed", true]],
    ["the ledger cannot be read at the end", ledgerOf({ fails: "nobody answers" }), ["failed", false]],
  ] as const) {
    it(`judges by its ledger: ${what}`, async () => {
      const lab = new Lab();
      const parts = lab.parts({ openLedger: async () => ledger });
      const journal = await runExperiment(experimentOf({ ledger: "postgres" }), lab.ground, parts);
      assert.deepEqual([journal.status, journal.deviated], expected);
    });
  }

  it("goes to its end, and undoes, when the cluster is away for a while in the middle", async () => {
    const lab = new Lab();
    lab.steps.proof = async () => {
      lab.leases.away = true;
      return "it happened";
    };
    lab.steps.undo = async () => {
      lab.leases.away = false;
      return "it ended";
    };
    const journal = await runExperiment(experimentOf(), lab.ground, lab.parts());
    assert.equal(journal.status, "completed");
    assert.equal(lab.leases.lease, undefined);
  });

  it("refuses what cannot be made here before it touches anything", async () => {
    const lab = new Lab();
    const driver = { ...lab.driver, possible: () => "it needs the embedded cluster" };
    const parts = lab.parts({ drivers: { "pod-kill": driver } as never });
    await assert.rejects(
      runExperiment(experimentOf(), lab.ground, parts),
      /^Error: lab: pod-kill cannot be made here: it needs/,
    );
    assert.equal(lab.leases.lease, undefined);
  });

  it("is one at a time on a cluster", async () => {
    const lab = new Lab();
    const held = await ChaosLease.acquire(lab.ground, "another");
    await assert.rejects(runExperiment(experimentOf(), lab.ground, lab.parts()), (error: Error) => {
      assert.ok(error instanceof AlreadyRunning);
      assert.match(error.message, /^the experiment another runs on this cluster \(.* pid \d+ .*\); one at a time/);
      return true;
    });
    assert.deepEqual(lab.happened, []);
    await held.release();
  });
});

const longFault = {
  fault: { kind: "pod-kill", target: { namespace: "lab", labels: { app: "lab" } } },
  hold: 20,
} as const;
