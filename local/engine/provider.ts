import type { PropertyMap } from "./values";

/**
 * What the engine asks of a provider: Pulumi's resource provider protocol, less what only plugins in other processes need.
 * Property maps arrive with secrets revealed (`Secret` never occurs in an argument); in previews they may hold `UNKNOWN`.
 * A provider marks further outputs as secret by returning them wrapped in `Secret`; outputs whose input was secret are
 * wrapped by the engine. Every method may throw a {@link ProviderError}; any other error is reported as a bug of ours.
 */
export interface Provider {
  /** Validates and normalises inputs: defaults, auto-naming. Must not call the network for anything that it can know without. */
  check(request: CheckRequest): Promise<CheckResponse>;
  /** Compares the inputs of the last deployment with the new ones. */
  diff(request: DiffRequest): Promise<DiffResponse>;
  /** With `preview` it changes nothing and returns what is known of the outputs, with `UNKNOWN` for the rest. */
  create(request: CreateRequest): Promise<CreateResponse>;
  /** The live state; `undefined` when the resource no longer exists. Also serves `Resource.get(...)` and import. */
  read(request: ReadRequest): Promise<ReadResponse | undefined>;
  /**
   * Finds what a `create` that was killed may have left, by what was known before it; `undefined` when there is nothing. A provider
   * that cannot tell leaves this method out.
   */
  recover?(request: RecoverRequest): Promise<ReadResponse | undefined>;
  update(request: UpdateRequest): Promise<UpdateResponse>;
  /** Succeeds when the resource is already gone. */
  delete(request: DeleteRequest): Promise<void>;
  /** A function of the provider (`getXOutput`); throws a {@link ProviderError} for an unknown token. */
  invoke(token: string, args: PropertyMap): Promise<PropertyMap>;
  /** Ends watches and connections. */
  close(): Promise<void>;
}

/** How a provider package joins the engine: one entry a package in `providers/index.ts`. */
export interface ProviderFactory {
  /** Package name, the first part of its type tokens: `kubernetes`. */
  readonly name: string;
  /** Version recorded in state and offered to the program. */
  readonly version: string;
  /**
   * Validates the inputs of an explicit or default provider resource, before `create`. `failures` are shown as errors. Values may be
   * `UNKNOWN` in a preview.
   */
  checkConfig(inputs: PropertyMap): Promise<CheckResponse>;
  /** Whether a change of configuration means other infrastructure, so that everything on it must be replaced. */
  diffConfig(olds: PropertyMap, news: PropertyMap): Promise<DiffResponse>;
  /** `inputs` may hold `UNKNOWN` in a preview: the provider then answers with unknown outputs and does not connect. */
  create(inputs: PropertyMap, context: ProviderContext): Promise<Provider>;
}

export interface ProviderContext {
  /** Seconds-scale status of one resource, for the live display: "waiting for 2 of 3 replicas". */
  status(urn: string, message: string): void;
  warn(urn: string | undefined, message: string): void;
  /** True in `--offline` previews: no network at all. */
  readonly offline: boolean;
  /** The command line's `--timeout`-like defaults do not exist; per-resource timeouts come in requests, in seconds. */
  readonly signal: AbortSignal;
}

export interface CheckFailure {
  /** Path of the property, `spec.replicas`; empty for the resource as a whole. */
  readonly property: string;
  readonly reason: string;
}

export interface CheckRequest {
  readonly urn: string;
  readonly type: string;
  /** Logical name, from which automatic names are made. */
  readonly name: string;
  readonly oldInputs?: PropertyMap;
  readonly inputs: PropertyMap;
  /** 32 random bytes, the same for a preview and the deployment that follows; for automatic names. */
  readonly randomSeed: Buffer;
}
export interface CheckResponse {
  readonly inputs: PropertyMap;
  readonly failures: readonly CheckFailure[];
}

export interface DiffRequest {
  readonly urn: string;
  readonly id: string;
  readonly type: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly newInputs: PropertyMap;
  /** Property paths, already applied to `newInputs` by the engine; given for what a provider does on its own. */
  readonly ignoreChanges: readonly string[];
  readonly preview: boolean;
}
export type DiffKind = "add" | "delete" | "update" | "add-replace" | "delete-replace" | "update-replace";
export interface DiffResponse {
  readonly changed: boolean;
  /** Top-level or nested property paths that force a replacement. */
  readonly replaceKeys: readonly string[];
  readonly deleteBeforeReplace?: boolean;
  /** Property path (`spec.template.spec.containers[0].image`) to kind. */
  readonly detailed: Readonly<Record<string, DiffKind>>;
}

export interface CreateRequest {
  readonly urn: string;
  readonly type: string;
  readonly inputs: PropertyMap;
  readonly preview: boolean;
  /** From `customTimeouts`, in seconds; absent when the program gave none. */
  readonly timeoutSeconds?: number;
}
export interface CreateResponse {
  /** Empty in a preview. */
  readonly id: string;
  readonly outputs: PropertyMap;
}

export interface ReadRequest {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  /** From state; empty for `get` and import. */
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}
export interface ReadResponse {
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

export interface RecoverRequest {
  readonly urn: string;
  readonly type: string;
  /** As `check` returned them for the `create`. */
  readonly inputs: PropertyMap;
}

export interface UpdateRequest extends CreateRequest {
  readonly id: string;
  readonly oldInputs: PropertyMap;
  readonly oldOutputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
}
export interface UpdateResponse {
  readonly outputs: PropertyMap;
}

export interface DeleteRequest {
  readonly urn: string;
  readonly type: string;
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
  readonly timeoutSeconds?: number;
}

/**
 * A failure with a message for the user. `partial` is set when the resource exists all the same (created but not ready): the
 * engine records it with `initErrors`, and the next run updates it rather than creating it again.
 */
export class ProviderError extends Error {
  constructor(
    message: string,
    readonly partial?: { readonly id: string; readonly outputs: PropertyMap; readonly reasons: readonly string[] },
  ) {
    super(message);
    this.name = "ProviderError";
  }
}
