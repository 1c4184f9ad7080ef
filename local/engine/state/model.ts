import { inDependencyOrder } from "./integrity";
import { withLiveLinks } from "./links";
import { inheritExtras, sameResource } from "./resource";
import type { Mutation, Operation, OperationType, ResourceState, Snapshot } from "./store";

/** A resource's place in the state; it stays when the object in it is replaced. */
interface Slot {
  resource: ResourceState;
  number: number;
}

interface Pending {
  readonly operation: Operation;
  number: number;
}

/**
 * A mutation in terms of numbers, which mean the same when it is read back. Numbers count up from 0 over the resources in
 * order, then the pending operations, then whatever is added.
 */
export type Step =
  | { do: "begin"; type: OperationType; resource: ResourceState }
  | { do: "abandon"; pending: number }
  | { do: "put"; old?: number; pending?: number; resource: ResourceState }
  /** Nothing changed: the resource was only seen. */
  | { do: "keep"; old: number }
  | { do: "remove"; old: number; pending?: number }
  | { do: "amend"; old: number; resource: ResourceState };

export interface Arrangement {
  readonly resources: readonly ResourceState[];
  /** The objects of the model that `resources` stand for, index by index. */
  readonly originals: readonly ResourceState[];
}

/**
 * A stack's resources while a run changes them. As in Pulumi, what this run has seen comes first, in the order in which it was
 * seen, then the rest of what there was before.
 */
export class Model {
  private readonly slots = new Map<ResourceState, Slot>();
  private readonly seen = new Set<Slot>();
  private readonly rest = new Set<Slot>();
  private readonly slotNumbers = new Map<number, Slot>();
  /** By the resource that the operation is about. */
  private readonly pending = new Map<ResourceState, Pending>();
  private readonly pendingNumbers = new Map<number, Pending>();
  private nextNumber = 0;
  private readonly removed = new Set<string>();

  constructor(
    snapshot: Snapshot,
    /** In a refresh a resource may vanish from under others, whose links to it then go too. */
    private readonly pruneLinks: boolean,
  ) {
    for (const resource of snapshot.resources) this.rest.add(this.addSlot(resource));
    for (const operation of snapshot.pendingOperations) this.addPending(operation);
  }

  get operations(): Operation[] {
    return [...this.pending.values()].map(({ operation }) => operation);
  }

  /**
   * The resources as they are to be written, each after those that it names; the model takes that order as its own numbering when
   * told to {@link renumber}.
   * @throws IntegrityError
   */
  arrange(): Arrangement {
    const originals = [...this.seen, ...this.rest].map((slot) => slot.resource);
    const present = new Set(originals.map(({ urn }) => urn));
    const isGone = (urn: string): boolean => this.pruneLinks && this.removed.has(urn) && !present.has(urn);
    const written = withLiveLinks(originals, isGone);
    const origin = new Map(written.map((resource, index) => [resource, originals[index] ?? resource]));
    const resources = inDependencyOrder(written);
    return { resources, originals: resources.map((resource) => origin.get(resource) ?? resource) };
  }

  /**
   * Applies a mutation and returns what it did.
   * @throws an error when it names a resource or operation that the state does not have: a bug of the caller
   */
  apply(mutation: Mutation): Step {
    switch (mutation.kind) {
      case "begin": {
        const { operation } = mutation;
        this.addPending(operation);
        return { do: "begin", type: operation.type, resource: operation.resource };
      }
      case "abandon":
        return { do: "abandon", pending: this.end(mutation.operation) };
      case "put":
        return this.put(mutation.resource, mutation.old, mutation.operation && this.end(mutation.operation));
      case "remove": {
        const slot = this.slotOf(mutation.resource);
        const pending = mutation.operation && this.end(mutation.operation);
        this.drop(slot);
        return { do: "remove", old: slot.number, ...(pending === undefined ? {} : { pending }) };
      }
      case "amend": {
        const slot = this.slotOf(mutation.old);
        this.fill(slot, mutation.resource);
        return { do: "amend", old: slot.number, resource: mutation.resource };
      }
    }
  }

  /** Does again what a step of an earlier process did. @throws an error when a number means nothing */
  replay(step: Step): void {
    if ("pending" in step && step.pending !== undefined) this.endNumber(step.pending);
    switch (step.do) {
      case "begin":
        this.addPending({ resource: step.resource, type: step.type });
        return;
      case "abandon":
        return;
      case "put":
        this.place(step.resource, step.old === undefined ? undefined : this.slotAt(step.old));
        return;
      case "keep":
        this.see(this.slotAt(step.old));
        return;
      case "remove":
        this.drop(this.slotAt(step.old));
        return;
      case "amend":
        this.fill(this.slotAt(step.old), step.resource);
    }
  }

  /** Drops operations without a step: an earlier run left them, and a whole run has since gone well. */
  forget(operations: Iterable<Operation>): void {
    for (const { resource } of operations) {
      const entry = this.pending.get(resource);
      if (entry) this.endNumber(entry.number);
    }
  }

  /**
   * Numbers everything anew, as a reader of a checkpoint with the resources so arranged would.
   * @returns the numbers of what this run has seen, in that order: the one thing that the reader must be told
   */
  renumber({ originals }: Arrangement): number[] {
    this.slotNumbers.clear();
    this.pendingNumbers.clear();
    this.nextNumber = 0;
    const slots = originals.map((resource) => this.slotOf(resource));
    slots.forEach((slot) => this.numberSlot(slot));
    const rest = slots.filter((slot) => this.rest.delete(slot));
    rest.forEach((slot) => this.rest.add(slot));
    for (const entry of this.pending.values()) this.numberPending(entry);
    return [...this.seen].map((slot) => slot.number);
  }

  private put(resource: ResourceState, old: ResourceState | undefined, pending: number | undefined): Step {
    const own = this.slots.get(resource);
    // The same object once more: what it took the place of, if anything, is gone already.
    const slot = own ?? (old && this.slotOf(old));
    const ended = pending === undefined ? {} : { pending };
    if (!slot) {
      this.place(resource, undefined);
      return { do: "put", resource, ...ended };
    }
    const unchanged = own ? resource === old : sameResource(slot.resource, resource);
    if (unchanged && pending === undefined) {
      if (!own) inheritExtras(slot.resource, resource);
      this.place(resource, slot);
      return { do: "keep", old: slot.number };
    }
    this.place(resource, slot);
    return { do: "put", old: slot.number, resource, ...ended };
  }

  private place(resource: ResourceState, slot: Slot | undefined): void {
    if (!slot) {
      this.seen.add(this.addSlot(resource));
      return;
    }
    this.fill(slot, resource);
    this.see(slot);
  }

  /** A slot that this run has seen before keeps its place: what came after it may name it. */
  private see(slot: Slot): void {
    if (this.rest.delete(slot)) this.seen.add(slot);
  }

  private fill(slot: Slot, resource: ResourceState): void {
    this.slots.delete(slot.resource);
    slot.resource = resource;
    this.slots.set(resource, slot);
  }

  private drop(slot: Slot): void {
    this.slots.delete(slot.resource);
    this.slotNumbers.delete(slot.number);
    this.seen.delete(slot);
    this.rest.delete(slot);
    this.removed.add(slot.resource.urn);
  }

  private addSlot(resource: ResourceState): Slot {
    const slot: Slot = { resource, number: -1 };
    this.slots.set(resource, slot);
    this.numberSlot(slot);
    return slot;
  }

  private numberSlot(slot: Slot): void {
    slot.number = this.nextNumber++;
    this.slotNumbers.set(slot.number, slot);
  }

  private addPending(operation: Operation): void {
    const entry: Pending = { operation, number: -1 };
    this.pending.set(operation.resource, entry);
    this.numberPending(entry);
  }

  private numberPending(entry: Pending): void {
    entry.number = this.nextNumber++;
    this.pendingNumbers.set(entry.number, entry);
  }

  private end(operation: Operation): number {
    const entry = this.pending.get(operation.resource);
    if (!entry) throw new Error(`no operation is under way on ${operation.resource.urn} (${operation.type})`);
    this.endNumber(entry.number);
    return entry.number;
  }

  private endNumber(number: number): void {
    const entry = this.pendingNumbers.get(number);
    if (!entry) throw new Error(`no operation has the number ${number}`);
    this.pendingNumbers.delete(number);
    this.pending.delete(entry.operation.resource);
  }

  private slotOf(resource: ResourceState): Slot {
    const slot = this.slots.get(resource);
    if (!slot)
      throw new Error(`the state does not have this object of ${resource.urn}: it was replaced or removed before`);
    return slot;
  }

  private slotAt(number: number): Slot {
    const slot = this.slotNumbers.get(number);
    if (!slot) throw new Error(`no resource has the number ${number}`);
    return slot;
  }
}
