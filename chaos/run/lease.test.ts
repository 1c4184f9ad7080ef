import assert from "node:assert/strict";
import { V1MicroTime } from "@kubernetes/client-node";
import type { UndoRecord } from "../faults/fault";
import { AlreadyRunning, ChaosLease } from "./lease";
import { Lab } from "./testing/lab";

const record: UndoRecord = { fault: "node-stop", victims: [{ kind: "node", name: "worker-1" }], details: {} };

/** As if its holder had been silent for so long that it must be gone. */
function expire({ leases }: Lab): void {
  assert.ok(leases.lease?.spec);
  leases.lease.spec.renewTime = new V1MicroTime(0);
}

describe("the lease of a run", () => {
  it("that was held still for too long is not taken back from who went on in its place", async () => {
    const lab = new Lab();
    const still = await ChaosLease.acquire(lab.ground, "still");
    await still.remember(record);
    expire(lab);
    const next = await ChaosLease.takeOver(lab.ground);
    assert.ok(next);
    const holder = lab.leases.lease?.spec?.holderIdentity;
    await assert.rejects(
      still.remember(record),
      /^Error: still was silent for 15 s and taken for gone; .* goes on in its place/,
    );
    await still.release();
    assert.equal(lab.leases.lease?.spec?.holderIdentity, holder);
    assert.deepEqual((await ChaosLease.read(lab.ground))?.undo, [record]);
    for (const each of next.undo) await next.forget(each);
    await next.release();
    assert.equal(lab.leases.lease, undefined);
  });

  it("is had by one of those who take it over at once", async () => {
    const lab = new Lab();
    const gone = await ChaosLease.acquire(lab.ground, "gone");
    expire(lab);
    const both = await Promise.allSettled([ChaosLease.takeOver(lab.ground), ChaosLease.takeOver(lab.ground)]);
    const had = both.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
    assert.equal(had.length, 1);
    for (const each of [gone, ...had]) await each?.release();
  });

  it("is not had by anybody else while it is renewed", async () => {
    const lab = new Lab();
    const live = await ChaosLease.acquire(lab.ground, "live");
    await assert.rejects(ChaosLease.takeOver(lab.ground), AlreadyRunning);
    await assert.rejects(ChaosLease.acquire(lab.ground, "another"), AlreadyRunning);
    await live.release();
  });
});
