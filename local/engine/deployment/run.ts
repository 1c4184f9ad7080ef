import { createHash } from "node:crypto";
import { StepFailure } from "../failure";
import { ProviderError } from "../provider";
import type { ResourceState } from "../state/store";
import type { Journal } from "./journal";
import type { Olds } from "./olds";
import type { ProviderTable } from "./provider-table";
import type { Recorder } from "./recorder";
import type { Slots } from "./slots";
import type { Gate } from "./stop";

/** What every part of a deployment works with. */
export interface Run {
  readonly project: string;
  readonly stack: string;
  /** A preview: nothing is changed, and values may be unknown. */
  readonly dryRun: boolean;
  readonly olds: Olds;
  readonly journal: Journal;
  readonly providers: ProviderTable;
  readonly recorder: Recorder;
  readonly gate: Gate;
  readonly slots: Slots;
  /** Of automatic names: the same in a preview and the update that follows it. */
  readonly seed: Buffer;
  /** Errors that the user has been told. */
  readonly reported: WeakSet<Error>;
}

export function seedFor(run: Run, urn: string): Buffer {
  return createHash("sha256").update(run.seed).update(urn).digest();
}

export const now = (): string => new Date().toISOString();

/** A provider's failure as the user's; anything else is left as it is. */
export function asFailure(error: unknown, resource: Pick<ResourceState, "urn">): unknown {
  return error instanceof ProviderError ? new StepFailure(error.message, resource.urn) : error;
}

/** Waits for room among the parallel operations, then works, unless the deployment is stopping by that time. */
export function withSlot<T>(run: Run, work: () => Promise<T>): Promise<T> {
  return run.slots.run(async () => {
    run.gate.check();
    return work();
  });
}
