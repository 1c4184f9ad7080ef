import { setTimeout as delay } from "node:timers/promises";
import { driverFor, type FaultDrivers, type UndoRecord } from "../faults/fault";
import type { Ground } from "../ground";
import type { ActivityRecord } from "./journal";
import { victimName } from "./names";
import type { ChaosLease } from "./lease";

/** How long one tries to undo a fault. */
export interface Patience {
  readonly tries: number;
  readonly pauseSeconds: number;
}
/** An API server that was away may need a moment. */
const patient: Patience = { tries: 5, pauseSeconds: 2 };

/** A rollback did not work. The record of it stays in the cluster. */
export class NotUndone extends Error {
  constructor(readonly left: readonly ActivityRecord[]) {
    super(
      `ATTENTION: not undone: ${left.map(({ name, victims, error }) => `${name} on ${victims.join(", ")}: ${error}`).join("; ")}. ` +
        "Look at it by hand, then run: ballast chaos undo",
    );
    this.name = "NotUndone";
  }
}

/** Undoes everything that the lease says is left, last first. What cannot be undone stays written there. */
export async function undoAll(
  lease: ChaosLease,
  drivers: FaultDrivers,
  ground: Ground,
  patience?: Patience,
): Promise<ActivityRecord[]> {
  const done: ActivityRecord[] = [];
  for (const record of [...lease.undo].reverse()) {
    const result = await undoOne(record, drivers, ground, patience);
    if (result.status === "succeeded") await lease.forget(record);
    done.push(result);
  }
  return done;
}

export async function undoOne(
  record: UndoRecord,
  drivers: FaultDrivers,
  ground: Ground,
  { tries, pauseSeconds }: Patience = patient,
): Promise<ActivityRecord> {
  const started = new Date();
  const about = { name: `undo ${record.fault}`, start: started.toISOString(), victims: record.victims.map(victimName) };
  const ended = () => {
    const end = new Date();
    return { end: end.toISOString(), duration: (end.getTime() - started.getTime()) / 1000 };
  };
  let error = "";
  for (let attempt = 1; attempt <= tries; attempt++) {
    try {
      const evidence = await driverFor(drivers, record.fault).undo(record, ground);
      return { ...about, ...ended(), status: "succeeded", evidence: [evidence] };
    } catch (failure) {
      error = failure instanceof Error ? failure.message : String(failure);
      ground.say(`undo of ${record.fault} failed (${attempt} of ${tries}): ${error}`);
      if (attempt < tries) await delay(pauseSeconds * 1000);
    }
  }
  return { ...about, ...ended(), status: "failed", evidence: [], error };
}
