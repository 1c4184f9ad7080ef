import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { ApiException, type V1Lease, V1MicroTime } from "@kubernetes/client-node";
import type { UndoRecord } from "../faults/fault";
import type { Ground } from "../ground";

/** Where the one lease of a cluster stands. */
const place = { namespace: "kube-system", name: "ballast-chaos" };
const undoAnnotation = "ballast.dev/chaos-undo";
const experimentAnnotation = "ballast.dev/chaos-experiment";
/** A holder that has not renewed for so long is gone. */
const holdSeconds = 15;
const renewSeconds = 4;

export class AlreadyRunning extends Error {
  constructor(experiment: string, holder: string) {
    super(
      `the experiment ${experiment} runs on this cluster (${holder}); one at a time: wait for its end, or interrupt it`,
    );
    this.name = "AlreadyRunning";
  }
}

/** What stands in the cluster's lease. */
export interface Held {
  readonly experiment: string;
  readonly holder: string;
  readonly live: boolean;
  readonly undo: readonly UndoRecord[];
}

/**
 * The right to run an experiment on a cluster, and the list of what must be undone. The list is kept in the cluster, written before
 * each fault, so that whoever comes next can undo what a killed run has left.
 */
export class ChaosLease {
  readonly #holder = `${hostname()} pid ${process.pid} ${randomUUID()}`;
  #undo: UndoRecord[] = [];
  #renewing: NodeJS.Timeout | undefined;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly ground: Pick<Ground, "leases">,
    private readonly experiment: string,
  ) {}

  /** What a lease says that is there, whoever holds it. */
  static async read({ leases }: Pick<Ground, "leases">): Promise<Held | undefined> {
    const lease = await leases.readNamespacedLease(place).catch(ignoreMissing);
    return lease && heldBy(lease);
  }

  /**
   * @throws AlreadyRunning
   * @throws when a run that was killed has left something: undo it first
   */
  static async acquire(ground: Pick<Ground, "leases">, experiment: string): Promise<ChaosLease> {
    const lease = new ChaosLease(ground, experiment);
    const existing = await ground.leases.readNamespacedLease(place).catch(ignoreMissing);
    if (existing) {
      const held = heldBy(existing);
      if (held.live) throw new AlreadyRunning(held.experiment, held.holder);
      if (held.undo.length > 0)
        throw new Error(`${held.experiment} was cut off and left faults; first: ballast chaos undo`);
      await lease.#claim(existing);
    } else {
      await ground.leases.createNamespacedLease({ namespace: place.namespace, body: lease.#body() });
    }
    lease.#renew();
    return lease;
  }

  /** Takes over what a killed run has left, to undo it. Undefined when there is nothing. */
  static async takeOver(ground: Pick<Ground, "leases">): Promise<ChaosLease | undefined> {
    const existing = await ground.leases.readNamespacedLease(place).catch(ignoreMissing);
    if (!existing) return undefined;
    const held = heldBy(existing);
    if (held.live) throw new AlreadyRunning(held.experiment, held.holder);
    const lease = new ChaosLease(ground, held.experiment);
    lease.#undo = [...held.undo];
    await lease.#claim(existing);
    lease.#renew();
    return lease;
  }

  get undo(): readonly UndoRecord[] {
    return this.#undo;
  }

  /** Kept in the cluster once this resolves. */
  async remember(record: UndoRecord): Promise<void> {
    this.#undo = [...this.#undo, record];
    await this.#write();
  }

  async forget(record: UndoRecord): Promise<void> {
    this.#undo = this.#undo.filter((each) => each !== record);
    await this.#write();
  }

  /** Gives the right back. What is still to be undone stays written. */
  async release(): Promise<void> {
    clearInterval(this.#renewing);
    await this.#writing.catch(() => undefined);
    if (!(await this.#ours())) return;
    if (this.#undo.length > 0) await this.#patch({ spec: { renewTime: new V1MicroTime(0) } });
    else await this.ground.leases.deleteNamespacedLease(place).catch(ignoreMissing);
  }

  /** Of two who find it free at once, the version lets one through. */
  async #claim(existing: V1Lease): Promise<void> {
    const body = this.#body();
    const metadata = { ...body.metadata, ...version(existing) };
    await this.ground.leases.replaceNamespacedLease({ ...place, body: { ...body, metadata } });
  }

  #renew(): void {
    this.#renewing = setInterval(() => void this.#write().catch(() => undefined), renewSeconds * 1000);
  }

  /** Whoever was held still for too long has been taken for gone, and its lease may be another's. */
  async #ours(): Promise<boolean> {
    const current = await this.ground.leases.readNamespacedLease(place).catch(ignoreMissing);
    return current?.spec?.holderIdentity === this.#holder;
  }

  /** One after the other, so that an older list never overwrites a newer one. */
  #write(): Promise<unknown> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#patch(this.#body()));
    return this.#writing;
  }

  async #patch(part: V1Lease): Promise<void> {
    const current = await this.ground.leases.readNamespacedLease(place);
    const holder = current.spec?.holderIdentity;
    if (holder !== this.#holder)
      throw new Error(
        `${this.experiment} was silent for ${holdSeconds} s and taken for gone; ${holder} goes on in its place`,
      );
    await this.ground.leases.replaceNamespacedLease({
      ...place,
      body: {
        ...current,
        spec: { ...current.spec, ...part.spec },
        metadata: {
          ...current.metadata,
          annotations: { ...current.metadata?.annotations, ...part.metadata?.annotations },
        },
      },
    });
  }

  #body(): V1Lease {
    return {
      metadata: {
        ...place,
        annotations: { [undoAnnotation]: JSON.stringify(this.#undo), [experimentAnnotation]: this.experiment },
      },
      spec: { holderIdentity: this.#holder, leaseDurationSeconds: holdSeconds, renewTime: new V1MicroTime() },
    };
  }
}

function heldBy({ metadata, spec }: V1Lease): Held {
  const renewed = spec?.renewTime ? new Date(spec.renewTime).getTime() : 0;
  return {
    experiment: metadata?.annotations?.[experimentAnnotation] ?? "an experiment",
    holder: spec?.holderIdentity ?? "unknown",
    live: Date.now() - renewed < (spec?.leaseDurationSeconds ?? holdSeconds) * 1000,
    undo: JSON.parse(metadata?.annotations?.[undoAnnotation] ?? "[]") as UndoRecord[],
  };
}

const version = ({ metadata }: V1Lease) =>
  metadata?.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {};

function ignoreMissing(error: unknown): undefined {
  if (error instanceof ApiException && error.code === 404) return undefined;
  throw error;
}
