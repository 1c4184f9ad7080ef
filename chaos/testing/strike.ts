import assert from "node:assert/strict";
import { faultSchema, type FaultKind, type FaultOf } from "../experiment/schema";
import type { FaultDriver, Random, UndoRecord, Victim } from "../faults/fault";
import type { Ground } from "../ground";

export interface Struck {
  readonly victims: readonly Victim[];
  readonly record: UndoRecord | undefined;
  readonly proof: string;
  /** Has only what the cluster would have kept. */
  readonly undo: (ground?: Ground) => Promise<string>;
}

/** Strikes as the runner does, until the fault is proved; undoes what could not be. */
export async function strike<K extends FaultKind>(
  driver: FaultDriver<K>,
  input: object,
  ground: Ground,
  random: Random = () => 0,
): Promise<Struck> {
  const fault = faultSchema.parse({ kind: driver.kind, ...input }) as FaultOf<K>;
  assert.equal(await driver.possible(ground), true);
  const victims = await driver.choose(fault, ground, random);
  const record = await driver.undoRecord(fault, victims, ground);
  const kept = JSON.stringify(record);
  const undo = async (from = ground) =>
    record === undefined ? "nothing to undo" : driver.undo(JSON.parse(kept) as UndoRecord, from);
  try {
    const proof = await driver.inject(fault, victims, ground, record);
    return { victims, record, proof: await proof(), undo };
  } catch (error) {
    await undo();
    throw error;
  }
}
