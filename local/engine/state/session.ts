import { checkpointText, hashOf } from "./checkpoint";
import type { SecretForm } from "./codec";
import { sweepTemporaries, type Disk, type Stamp } from "./disk";
import { writeHistory, type HistoryEntry } from "./history";
import { IntegrityError } from "./integrity";
import { JournalWriter } from "./journal";
import type { StackPaths } from "./layout";
import type { Lock } from "./lock";
import { Model, type Step } from "./model";
import type { Mutation, Operation, ResourceChanges, Snapshot, StackSession } from "./store";

/** Time, as the session sees it; tests have their own. Milliseconds. */
export interface Clock {
  now(): number;
}

export interface SessionParts {
  readonly disk: Disk;
  readonly paths: StackPaths;
  readonly stack: string;
  readonly lock: Lock;
  /** What the model began with. */
  readonly base: Snapshot;
  readonly model: Model;
  readonly secrets: SecretForm;
  readonly salt: string;
  readonly clock: Clock;
  /** The checkpoint that the model was read from; both `undefined` when there was none. */
  readonly stamp: Stamp | undefined;
  readonly hash: string | undefined;
  readonly prunes: boolean;
  readonly history: Omit<HistoryEntry, "result" | "changes" | "endTime">;
}

/** The state could not be written; `message` says what is safe and what is not. */
export class StateWriteError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StateWriteError";
  }
}

/**
 * While a run lasts, the checkpoint is written again when this many times the duration of its last writing has gone by, so that
 * writing it takes a twentieth of the run at most, however many resources there are.
 */
const REST_FACTOR = 20;
/** The least time between two writings, in milliseconds. */
const LEAST_REST_MS = 500;

export class FileSession implements StackSession {
  readonly base: Snapshot;
  private readonly model: Model;
  private readonly leftovers: Operation[];
  private journal: JournalWriter | undefined;
  /** Seen and unchanged since the last line of the journal. */
  private kept: number[] = [];
  /** Steps so far, and how many of them the checkpoint on disk has. */
  private steps = 0;
  private written = 0;
  private readonly unsaved = new Map<number, string>();
  private stamp: Stamp | undefined;
  private backedUp = false;
  private failure: StateWriteError | undefined;
  private writing: Promise<void> | undefined;
  private lastWrite: { end: number; took: number };
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(private readonly parts: SessionParts) {
    this.model = parts.model;
    this.base = parts.base;
    // Created and then killed: only somebody who looks can tell whether it exists. What else was under way, this run does again.
    this.leftovers = this.base.pendingOperations.filter(({ type }) => type !== "creating");
    this.stamp = parts.stamp;
    this.lastWrite = { end: parts.clock.now(), took: 0 };
  }

  async apply(mutation: Mutation): Promise<void> {
    if (this.closed) throw new Error(`the stack ${this.parts.stack} is closed: ${describe(mutation)} came too late`);
    if (this.failure) throw this.failure;
    const step = this.model.apply(mutation);
    if (step.do === "keep") {
      this.kept.push(step.old);
      return;
    }
    await this.record(step, describe(mutation));
    this.writeWhenDue();
  }

  async close(result: "succeeded" | "failed", changes: ResourceChanges): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    const { disk, paths, stack, lock, history } = this.parts;
    try {
      await this.writing;
      if (result === "succeeded" && this.leftovers.length > 0) {
        this.model.forget(this.leftovers);
        this.steps++;
      }
      if (this.steps === 0) return;
      if (this.steps > this.written) await this.writeLast();
      if (this.journal) await disk.remove(paths.journal);
      await writeHistory(disk, paths, stack, { ...history, result, changes, endTime: new Date() });
    } finally {
      await this.journal?.close();
      await lock.release();
    }
  }

  private async record(step: Exclude<Step, { do: "keep" }>, what: string): Promise<void> {
    const number = ++this.steps;
    const kept = this.kept;
    this.kept = [];
    this.unsaved.set(number, what);
    const { disk, paths, secrets, salt, hash, prunes } = this.parts;
    this.journal ??= JournalWriter.create(disk, paths.journal, secrets, {
      stack: paths.qualifiedName,
      extends: hash ?? null,
      salt,
      prunes,
    });
    try {
      await this.journal.add({ kept, step });
      this.unsaved.delete(number);
    } catch (error) {
      throw this.fail(error as Error);
    }
  }

  private fail(error: Error): StateWriteError {
    this.failure ??= new StateWriteError(
      `the state of ${this.parts.stack} can no longer be written (${reason(error)}): the run stops here`,
      { cause: error },
    );
    return this.failure;
  }

  private writeWhenDue(): void {
    if (this.writing || this.closed || this.failure) return;
    const rest = Math.max(LEAST_REST_MS, REST_FACTOR * this.lastWrite.took);
    const wait = this.lastWrite.end + rest - this.parts.clock.now();
    if (wait <= 0) {
      this.startWriting();
      return;
    }
    // A step that takes minutes must not hold back what was done before it.
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      if (!this.writing && !this.closed && this.steps > this.written) this.startWriting();
    }, wait).unref();
  }

  private startWriting(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.writing = this.writeCheckpoint()
      .catch((error: Error) => {
        // The journal has it all; whether the state is broken is told when the run ends.
        if (!(error instanceof IntegrityError)) this.fail(error);
        this.lastWrite = { end: this.parts.clock.now(), took: this.lastWrite.took };
      })
      .finally(() => (this.writing = undefined));
  }

  private async writeCheckpoint(): Promise<void> {
    const { disk, paths, secrets, salt, clock } = this.parts;
    const began = clock.now();
    const steps = this.steps;
    const arrangement = this.model.arrange();
    const chunks = checkpointText(
      paths.qualifiedName,
      arrangement.resources,
      this.model.operations,
      salt,
      secrets,
      new Date(),
    );
    let marked: Promise<void> | undefined;
    if (this.journal && !this.failure) {
      // Said before anything else can be: the mark stands in the journal just where the text ends.
      marked = this.journal.mark(hashOf(chunks), this.kept, this.model.renumber(arrangement));
      this.kept = [];
    }
    const ready = async (): Promise<void> => {
      await marked;
      await this.refuseForeign();
      if (!this.backedUp && this.stamp !== undefined) await disk.keep(paths.checkpoint, paths.backup);
      this.backedUp = true;
    };
    await disk.replace(paths.checkpoint, chunks, { ready });
    this.stamp = await disk.stamp(paths.checkpoint);
    this.written = steps;
    this.lastWrite = { end: clock.now(), took: clock.now() - began };
  }

  /** The last of the run's writings, in which everything that could be saved must be, whatever went wrong before. */
  private async writeLast(): Promise<void> {
    const { stack, paths } = this.parts;
    try {
      await this.writeCheckpoint();
    } catch (error) {
      if (this.unsaved.size === 0) {
        throw new StateWriteError(
          `the state of ${stack} could not be written (${reason(error as Error)}). ${paths.checkpoint} is as it was before; ` +
            `nothing is lost: ${paths.journal} holds what has changed since, and the next ballast run takes it up`,
          { cause: error },
        );
      }
      const list = [...this.unsaved.values()].map((what) => `\n  ${what}`).join("");
      throw new StateWriteError(
        `the state of ${stack} could not be written (${reason(error as Error)}). ${paths.checkpoint} is as it was before, and ` +
          `${paths.journal} holds most of what has changed since, but not:${list}`,
        { cause: error },
      );
    }
  }

  /** Somebody who broke our lock may have written the state; theirs is newer, and not ours to destroy. */
  private async refuseForeign(): Promise<void> {
    const { disk, paths, stack } = this.parts;
    if ((await disk.stamp(paths.checkpoint)) === this.stamp) return;
    throw new Error(
      `another program has changed ${paths.checkpoint} while this run of ${stack} was under way; its lock must have been ` +
        `cancelled`,
    );
  }
}

/** Folds a recovered journal into the checkpoint, so that a session starts from a checkpoint alone. */
export async function foldJournal(
  parts: Pick<SessionParts, "disk" | "paths" | "secrets" | "salt" | "model">,
  length: number,
): Promise<{ hash: string; stamp: Stamp | undefined }> {
  const { disk, paths, secrets, salt, model } = parts;
  const { resources } = model.arrange();
  const chunks = checkpointText(paths.qualifiedName, resources, model.operations, salt, secrets, new Date());
  const hash = hashOf(chunks);
  const journal = JournalWriter.reopen(disk, paths.journal, length, secrets);
  try {
    await journal.mark(hash, [], []);
  } finally {
    await journal.close();
  }
  const ready = async (): Promise<void> => {
    if ((await disk.stamp(paths.checkpoint)) !== undefined) await disk.keep(paths.checkpoint, paths.backup);
  };
  await disk.replace(paths.checkpoint, chunks, { ready });
  await disk.remove(paths.journal);
  await sweepTemporaries(disk, paths.checkpoint);
  return { hash, stamp: await disk.stamp(paths.checkpoint) };
}

function describe(mutation: Mutation): string {
  switch (mutation.kind) {
    case "begin":
    case "abandon":
      return `${mutation.kind === "begin" ? "started" : "gave up"} ${mutation.operation.type} ${mutation.operation.resource.urn}`;
    case "put":
      return `${mutation.operation ? `finished ${mutation.operation.type}` : "recorded"} ${named(mutation.resource)}`;
    case "remove":
      return `removed ${named(mutation.resource)}`;
    case "amend":
      return `changed ${named(mutation.resource)}`;
  }
}

const named = ({ urn, id }: { urn: string; id?: string }): string => (id ? `${urn} (id ${id})` : urn);

function reason(error: Error): string {
  return (error as NodeJS.ErrnoException).code === "ENOSPC" ? `the disk is full: ${error.message}` : error.message;
}
