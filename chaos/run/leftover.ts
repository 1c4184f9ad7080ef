import { setTimeout as delay } from "node:timers/promises";
import type { FaultDrivers } from "../faults/fault";
import type { Ground } from "../ground";
import type { ActivityRecord } from "./journal";
import { AlreadyRunning, ChaosLease } from "./lease";
import { undoAll } from "./undo";

/** A run that was killed holds its lease for a while; a live one for ever. */
const tries = 10;
const pauseSeconds = 2;

/**
 * Undoes what a killed run has left in the lease.
 *
 * @throws AlreadyRunning when a run is alive
 */
export async function leftover(ground: Ground, drivers: FaultDrivers): Promise<ActivityRecord[]> {
  // Without it the lease cannot be read.
  await ground.nodes?.resumeApiServer();
  const lease = await takeOver(ground);
  if (!lease) return [];
  try {
    return await undoAll(lease, drivers, ground);
  } finally {
    await lease.release();
  }
}

async function takeOver(ground: Ground): Promise<ChaosLease | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ChaosLease.takeOver(ground);
    } catch (error) {
      if (!(error instanceof AlreadyRunning) || attempt === tries) throw error;
      ground.say(`${error.message} (waiting for a sign that it is gone)`);
      await delay(pauseSeconds * 1000);
    }
  }
}
