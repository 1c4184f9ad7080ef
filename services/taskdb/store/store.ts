import type {
  Artifact,
  DerivedStatus,
  EntityKind,
  Event,
  Gate,
  GateChange,
  NewArtifact,
  NewGate,
  NewNote,
  NewReport,
  NewRun,
  NewTask,
  Report,
  Run,
  RunChange,
  Task,
  TaskChange,
} from "../domain";

/** What the service needs of a database. PostgreSQL and SQLite behave alike; `conformance.ts` is the proof. */
export interface TaskStore {
  readonly backend: "postgres" | "sqlite";

  createTask(input: NewTask, context: WriteContext): Promise<Written<Task>>;
  updateTask(id: string, change: TaskChange, context: UpdateContext): Promise<Written<Task>>;
  getTask(id: string): Promise<Task>;
  listTasks(filter: TaskFilter, page: PageRequest): Promise<Page<Task>>;

  createRun(taskId: string, input: NewRun, context: WriteContext): Promise<Written<Run>>;
  updateRun(id: string, change: RunChange, context: UpdateContext): Promise<Written<Run>>;
  /** With its gates, each of which leaves an event of its own. */
  deleteRun(id: string, context: UpdateContext): Promise<Written<Run>>;
  getRun(id: string): Promise<Run>;
  listRuns(taskId: string, page: PageRequest): Promise<Page<Run>>;

  createGate(runId: string, input: NewGate, context: WriteContext): Promise<Written<Gate>>;
  updateGate(id: string, change: GateChange, context: UpdateContext): Promise<Written<Gate>>;
  getGate(id: string): Promise<Gate>;
  listGates(runId: string, page: PageRequest): Promise<Page<Gate>>;

  createArtifact(taskId: string, input: NewArtifact, context: WriteContext): Promise<Written<Artifact>>;
  getArtifact(id: string): Promise<Artifact>;
  listArtifacts(taskId: string, page: PageRequest): Promise<Page<Artifact>>;
  /** The artifacts with this content, oldest first. */
  artifactsByHash(sha256: string): Promise<Artifact[]>;

  /** Takes a snapshot timestamp that no other report has, and the state of each claim at it. */
  publishReport(input: NewReport, context: WriteContext): Promise<Written<Report>>;
  getReport(id: string): Promise<Report>;
  listReports(page: PageRequest): Promise<Page<Report>>;

  addNote(taskId: string, input: NewNote, context: WriteContext): Promise<Written<Event>>;
  listEvents(filter: EventFilter, page: PageRequest): Promise<Page<Event>>;
  /** The last event of an entity at or before a time: what it was then. */
  lastEvent(entityId: string, at: string): Promise<Event | undefined>;

  derivedStatus(taskId: string): Promise<DerivedStatus>;
  listDerivedStatuses(page: PageRequest): Promise<Page<DerivedStatus>>;
  statistics(): Promise<Statistics>;

  /** Whether it can be written to, and what it is. */
  ready(): Promise<Readiness>;
  /** Upkeep by the service itself, safe to run by several at once: partitions, expired idempotency keys, seals. */
  maintain(): Promise<Maintenance>;
  /**
   * Moves events from before the time to the archive, as far as they are sealed (on PostgreSQL: whole months), and says how
   * many. `listEvents` and `lastEvent` see them as before.
   */
  archive(before: string): Promise<number>;
  close(): Promise<void>;
}

export interface WriteContext {
  /** Goes into the event, so that a log line and a change can be matched. */
  readonly requestId: string;
  /**
   * A write under a key that was used before is not done again: it answers as the first one did.
   * @default none
   */
  readonly idempotency?: {
    readonly key: string;
    /** Of method, path and body: the same key with another request is a mistake. */
    readonly requestHash: string;
  };
}

export interface UpdateContext extends WriteContext {
  /**
   * The row's `updated_at` that the change was made for; a newer row is not changed.
   * @default any
   */
  readonly version?: string;
}

export interface Written<T> {
  readonly entity: T;
  /** Position of its event in the log. */
  readonly seq: number;
  /** Answered from an earlier request with the same idempotency key. */
  readonly replayed: boolean;
}

export interface PageRequest {
  /** Rows of a page, 1 to 500. */
  readonly limit: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Null on the last page. */
  readonly next: string | null;
}

export interface TaskFilter {
  readonly status?: Task["status"];
  readonly priority?: Task["priority"];
  readonly owner?: string;
  readonly feature?: string;
}

export interface EventFilter {
  readonly taskId?: string;
  readonly entityId?: string;
  readonly kind?: string;
  /** Events after this position. */
  readonly after?: number;
}

export interface Statistics {
  readonly total_tasks: number;
  readonly total_runs: number;
  readonly total_gates: number;
  readonly total_artifacts: number;
  readonly total_reports: number;
  readonly total_events: number;
}

export interface Readiness {
  readonly writable: boolean;
  /** Version of the newest migration. */
  readonly schema: string;
}

export interface Maintenance {
  readonly eventsSealed: number;
  readonly eventsArchived: number;
  /** Idempotency keys older than a day. */
  readonly keysExpired: number;
}

/** A failure that the caller can act upon; everything else is a fault of the service. */
export abstract class StoreError extends Error {
  abstract readonly code: string;
}

export class NotFound extends StoreError {
  readonly code = "not-found";
  constructor(
    readonly kind: EntityKind,
    readonly id: string,
  ) {
    super(`there is no ${kind} ${id}`);
  }
}

export class StaleVersion extends StoreError {
  readonly code = "stale-version";
  constructor(
    readonly kind: EntityKind,
    readonly id: string,
    readonly given: string,
    readonly current: string,
  ) {
    super(
      `${kind} ${id} was changed at ${current}, after the version ${given}; read it again and repeat the change on it`,
    );
  }
}

export class AlreadyExists extends StoreError {
  readonly code = "already-exists";
  constructor(
    readonly kind: EntityKind,
    readonly id: string,
  ) {
    super(`there is a ${kind} ${id} already; leave "id" out to get a new one`);
  }
}

export class IdempotencyMismatch extends StoreError {
  readonly code = "idempotency-mismatch";
  constructor(readonly key: string) {
    super(`the idempotency key ${key} was used for another request; use a new key for each request`);
  }
}

export class BadCursor extends StoreError {
  readonly code = "bad-cursor";
  constructor(readonly cursor: string) {
    super(`the cursor ${cursor} is none of this list; take "next" of the page before, or leave it out`);
  }
}

/** The database cannot answer now. */
export class Unavailable extends StoreError {
  readonly code = "unavailable";
  constructor(
    reason: string,
    /** Whether a write may have been carried out all the same. */
    readonly indeterminate: boolean,
    options?: ErrorOptions,
  ) {
    super(reason, options);
  }
}
