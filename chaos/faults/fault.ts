import type { FaultKind, FaultOf } from "../experiment/schema";
import type { Ground } from "../ground";

/** What a fault hits: chosen once, by the seed, before anything is touched. */
export type Victim =
  | {
      readonly kind: "pod";
      readonly namespace: string;
      readonly name: string;
      readonly uid: string;
      readonly node: string;
    }
  | { readonly kind: "node"; readonly name: string; readonly from?: string }
  | {
      readonly kind: "workload";
      readonly of: "Deployment" | "StatefulSet";
      readonly namespace: string;
      readonly name: string;
      readonly replicas: number;
    }
  | { readonly kind: "service"; readonly namespace: string; readonly name: string; readonly port: number }
  | { readonly kind: "role"; readonly name: string }
  | { readonly kind: "control-plane" };

/** What ends a fault. Plain data: it is kept in the cluster before the fault is injected, so it outlives this process. */
export interface UndoRecord {
  readonly fault: FaultKind;
  readonly victims: readonly Victim[];
  /** What the fault's driver needs beside them. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

/**
 * One kind of fault on one kind of ground. The order in which it is called: `choose`, `undoRecord` (kept in the cluster),
 * `inject`, the proof that it gave, and, when its time is over or anything goes wrong, `undo`.
 */
export interface FaultDriver<K extends FaultKind = FaultKind> {
  readonly kind: K;
  /** Whether it can be done here, or why not. */
  possible(ground: Ground): true | string | Promise<true | string>;
  /** @throws when nothing, or more than the limits allow, would be hit */
  choose(fault: FaultOf<K>, ground: Ground, random: Random): Promise<readonly Victim[]>;
  /** Undefined for a fault that ends by itself. */
  undoRecord(fault: FaultOf<K>, victims: readonly Victim[], ground: Ground): Promise<UndoRecord | undefined>;
  /** Returns a proof that waits until the fault is seen to have happened, and says how; it throws when it never does. */
  inject(
    fault: FaultOf<K>,
    victims: readonly Victim[],
    ground: Ground,
    record: UndoRecord | undefined,
  ): Promise<() => Promise<string>>;
  /** May be called again, and of a fault that was never injected. Says how it is known that the fault has ended. */
  undo(record: UndoRecord, ground: Ground): Promise<string>;
}

export type FaultDrivers = { readonly [K in FaultKind]: FaultDriver<K> };

/** Numbers from 0 up to 1, the same for the same seed. */
export type Random = () => number;

/** The driver of a kind of fault; whoever calls it gives it faults and records of that kind. */
export function driverFor(drivers: FaultDrivers, kind: FaultKind): FaultDriver {
  return drivers[kind] as FaultDriver;
}

/** A victim has changed since it was chosen, or was never there. */
export class NoVictim extends Error {
  constructor(what: string) {
    super(`the fault would hit nothing: ${what}`);
    this.name = "NoVictim";
  }
}
