import type { DiffKind } from "./provider";
import type { ResourceState } from "./state/store";
import type { PropertyMap } from "./values";

/** What a step does, by Pulumi's own names. */
export type StepOp =
  | "same"
  | "create"
  | "update"
  | "delete"
  | "replace"
  | "create-replacement"
  | "delete-replaced"
  | "read"
  | "read-replacement"
  | "refresh"
  | "discard"
  | "import";

export interface StepInfo {
  readonly op: StepOp;
  readonly urn: string;
  readonly type: string;
  readonly provider?: string;
  readonly old?: ResourceState;
  readonly new?: ResourceState;
  readonly detailedDiff?: Readonly<Record<string, DiffKind>>;
  readonly replaceReasons?: readonly string[];
}

export type Severity = "debug" | "info" | "warning" | "error";

/** Everything that a run tells its display; displays keep no other channel. Times are milliseconds since the run began. */
export type EngineEvent =
  | { kind: "prelude"; stack: string; operation: string; dryRun: boolean; config: Record<string, string> }
  | { kind: "step-start"; step: StepInfo; at: number }
  | { kind: "step-status"; urn: string; message: string; at: number }
  | { kind: "step-end"; step: StepInfo; at: number; failed?: string }
  | { kind: "diagnostic"; severity: Severity; urn?: string; message: string; at: number }
  | {
      kind: "policy";
      pack: string;
      policy: string;
      level: "advisory" | "mandatory" | "remediate";
      severity?: string;
      urn?: string;
      message: string;
      at: number;
    }
  | { kind: "outputs"; outputs: PropertyMap }
  | {
      kind: "summary";
      changes: Record<string, number>;
      durationMs: number;
      result: "succeeded" | "failed" | "canceled";
      dryRun: boolean;
    };

export type EventSink = (event: EngineEvent) => void;
