import type { EventSink } from "../events";
import type { PropertyMap } from "../values";

/** A resource as policies see it: inputs when checked before a change, outputs in the check of the whole stack. */
export interface PolicyResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly properties: PropertyMap;
  readonly parent?: string;
  readonly protect?: boolean;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  readonly aliases?: readonly string[];
  readonly additionalSecretOutputs?: readonly string[];
  readonly customTimeouts?: { create?: number; update?: number; delete?: number };
  /** Provider resource, where there is one. */
  readonly provider?: {
    readonly urn: string;
    readonly type: string;
    readonly name: string;
    readonly properties: PropertyMap;
  };
}

/** One running policy pack. Violations go to the event sink as they are found. */
export interface PolicyRunner {
  /** Returns the inputs after remediation. Called before `analyze`. */
  remediate(resource: PolicyResource): Promise<PropertyMap>;
  /** Resolves to the number of mandatory violations. */
  analyze(resource: PolicyResource): Promise<number>;
  analyzeStack(resources: readonly PolicyResource[]): Promise<number>;
  close(): Promise<void>;
}

export interface PolicyPackOptions {
  /** Folder of the pack, with its `PulumiPolicy.yaml`. */
  readonly directory: string;
  /** Configuration by policy name, the content of `--policy-pack-config`. */
  readonly config: Record<string, unknown>;
  readonly project: string;
  readonly stack: string;
  readonly organization: string;
  readonly dryRun: boolean;
  readonly events: EventSink;
  readonly signal: AbortSignal;
}
