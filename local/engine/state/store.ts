import type { PropertyMap } from "../values";

/** One resource of a stack's state; field for field what Pulumi's checkpoint (version 3) records. */
export interface ResourceState {
  urn: string;
  custom: boolean;
  /** Replaced, and waiting to be deleted. */
  delete?: boolean;
  id?: string;
  type: string;
  /** Never contains `UNKNOWN`. */
  inputs: PropertyMap;
  outputs: PropertyMap;
  parent?: string;
  protect?: boolean;
  external?: boolean;
  dependencies?: string[];
  initErrors?: string[];
  /** `urn::id` of the provider resource. */
  provider?: string;
  propertyDependencies?: Record<string, string[]>;
  /** Deleted before its replacement was created; the next run must create it. */
  pendingReplacement?: boolean;
  additionalSecretOutputs?: string[];
  aliases?: string[];
  /** Seconds. */
  customTimeouts?: { create?: number; update?: number; delete?: number };
  importID?: string;
  retainOnDelete?: boolean;
  deletedWith?: string;
  /** RFC 3339. */
  created?: string;
  modified?: string;
  sourcePosition?: string;
  ignoreChanges?: string[];
  replaceOnChanges?: string[];
}

export type OperationType = "creating" | "updating" | "deleting" | "reading" | "importing";

/** What was under way; left in `pending_operations` when a run dies in the middle. */
export interface Operation {
  resource: ResourceState;
  type: OperationType;
}

export interface Snapshot {
  /** In dependency order: whatever a resource names stands before it. */
  resources: ResourceState[];
  pendingOperations: Operation[];
}

/** One change of the state. A run is a sequence of these; the store makes each durable before it resolves. */
export type Mutation =
  /** An operation is about to touch the real world. */
  | { kind: "begin"; operation: Operation }
  /** It failed, and nothing of it exists: only the pending operation goes. */
  | { kind: "abandon"; operation: Operation }
  /**
   * The resource is as given (created, updated, unchanged, read, outputs registered). `old` is the state object that it takes the place of,
   * if any, and is the same object when nothing has changed; `operation` the pending one that it ends.
   */
  | { kind: "put"; resource: ResourceState; old?: ResourceState; operation?: Operation }
  /** The resource is gone from the state (deleted, or retained). */
  | { kind: "remove"; resource: ResourceState; operation?: Operation }
  /** The resource stays, changed in place: `delete: true`, `pendingReplacement`, an alias rename. */
  | { kind: "amend"; old: ResourceState; resource: ResourceState };

export type UpdateKind = "preview" | "update" | "refresh" | "destroy" | "import";

/** Counts by operation (`create`, `update`, `same` …), as in Pulumi's history files. */
export type ResourceChanges = Record<string, number>;

/** An open, locked stack. Objects from `base` and those given in mutations are matched by identity, never copied. */
export interface StackSession {
  /** The state as it was when opened, after recovery from an earlier run that was killed. */
  readonly base: Snapshot;
  apply(mutation: Mutation): Promise<void>;
  /** Writes the final checkpoint and history, and releases the lock. Also called after a failure. */
  close(result: "succeeded" | "failed", changes: ResourceChanges): Promise<void>;
}
