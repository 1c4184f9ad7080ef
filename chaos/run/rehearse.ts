import type { Experiment } from "../experiment/schema";
import { driverFor } from "../faults/fault";
import type { Ground } from "../ground";
import type { ProbeRecord } from "./journal";
import { victimName } from "./names";
import { seeded } from "./random";
import type { RunParts } from "./run";
import { lookAll } from "./watch";

export interface Rehearsal {
  readonly steps: readonly { readonly fault: string; readonly victims: readonly string[] }[];
  readonly steady: readonly ProbeRecord[];
}

/** Chooses the victims as a run with the same seed would now, and looks whether it is steady. Touches nothing. */
export async function rehearse(
  { method, "steady-state-hypothesis": { probes } }: Experiment,
  ground: Ground,
  { drivers, look, seed }: Pick<RunParts, "drivers" | "look" | "seed">,
): Promise<Rehearsal> {
  const random = seeded(seed);
  const steps: { fault: string; victims: string[] }[] = [];
  for (const { fault } of method) {
    const driver = driverFor(drivers, fault.kind);
    const possible = await driver.possible(ground);
    const victims =
      possible === true ? (await driver.choose(fault, ground, random)).map(victimName) : [`nothing: ${possible}`];
    steps.push({ fault: fault.kind, victims });
  }
  return { steps, steady: await lookAll(probes, look, ground) };
}
