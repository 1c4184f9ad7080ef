import { createHash, type Hash } from "node:crypto";

/** An event as the log holds it; the same values on both backends. */
export interface LoggedEvent {
  readonly seq: number;
  /** UTC with six digits of microseconds. */
  readonly at: string;
  readonly kind: string;
  readonly entity_id: string;
  readonly task_id: string | null;
  /** The text as it was written: parsing and printing it again might give another one. */
  readonly payload: string;
  readonly request_id: string | null;
}

/** The one text that stands for an event in seals and in the export hash. */
export function canonicalEvent(event: LoggedEvent): string {
  const { seq, at, kind, entity_id, task_id, payload, request_id } = event;
  return JSON.stringify([seq, at, kind, entity_id, task_id, payload, request_id]);
}

export const leafDigest = (event: LoggedEvent): Buffer => createHash("sha256").update(canonicalEvent(event)).digest();

/** Digits of each leaf that a seal keeps: enough to tell which event no longer fits; the proof is the seal's own digest. */
export const leafDigits = 8;

/** Before the first batch. */
export const origin = "0".repeat(64);

/** A seal in the making: over the one before it and the digests of its events, in the order of the log. */
export class Batch {
  private readonly hash: Hash;
  private readonly leaves: string[] = [];
  private first: number | undefined;
  private last: number | undefined;

  constructor(before: string) {
    this.hash = createHash("sha256").update(Buffer.from(before, "hex"));
  }

  get events(): number {
    return this.leaves.length;
  }

  /** Returns the digits of the event that the seal keeps. */
  add(event: LoggedEvent): string {
    const leaf = leafDigest(event);
    this.hash.update(leaf);
    const digits = leaf.toString("hex", 0, leafDigits / 2);
    this.leaves.push(digits);
    this.first ??= event.seq;
    this.last = event.seq;
    return digits;
  }

  /** Ends the batch; it has at least one event. */
  seal(): { first_seq: number; last_seq: number; events: number; digest: string; leaves: string } {
    if (this.first === undefined || this.last === undefined) throw new Error("a batch without events has no seal");
    return {
      first_seq: this.first,
      last_seq: this.last,
      events: this.events,
      digest: this.hash.digest("hex"),
      leaves: this.leaves.join(""),
    };
  }
}
