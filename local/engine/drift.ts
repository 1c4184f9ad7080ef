import { Recorder } from "./deployment/recorder";
import { valueAt } from "./display/values";
import type { EngineEvent } from "./events";
import { runOver } from "./over-state";
import { changedPaths, parsePath, withIgnored } from "./paths";
import { refreshResources } from "./refresh";
import { findStack, type StackOptions } from "./stack";
import type { ResourceState } from "./state/store";
import { nameOf } from "./urn";
import type { PropertyValue } from "./values";

export interface DriftOptions extends StackOptions {
  /** Reads at once. @default four a core */
  readonly parallel?: number;
  readonly signal?: AbortSignal;
}

export interface DriftedProperty {
  readonly path: string;
  /** What the stack has asked for; absent where it has not. */
  readonly declared?: PropertyValue;
  /** What is there; absent where it is gone. */
  readonly found?: PropertyValue;
}

/** A resource that somebody else has changed or deleted. */
export interface DriftedResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly kind: "changed" | "gone";
  readonly properties: readonly DriftedProperty[];
}

export interface Drift {
  readonly stack: string;
  readonly result: "succeeded" | "failed" | "canceled";
  /** Resources that were looked at. */
  readonly looked: number;
  /** By URN. */
  readonly resources: readonly DriftedResource[];
  readonly errors: readonly string[];
}

/**
 * Reads what the stack has made, and compares it with what was asked for. Only declared properties count: status, and fields that nobody
 * declared, change all the time. Nothing is changed, and no lock is taken.
 * @throws when the project, the stack's file or the state cannot be used; a failure to read one resource is among `errors`
 */
export async function drift(options: DriftOptions): Promise<Drift> {
  const stack = await findStack(options);
  const isUp = await stack.backend.exists(stack.name);
  const base = isUp ? await stack.backend.read(stack.name) : { resources: [], pendingOperations: [] };
  const drifted: DriftedResource[] = [];
  let looked = 0;
  const recorder = new Recorder((event: EngineEvent) => {
    if (event.kind !== "step-end" || event.failed !== undefined || event.step.old === undefined) return;
    looked++;
    const found = compareWith(event.step.old, event.step.new);
    if (found !== undefined) drifted.push(found);
  });
  const run = await runOver(stack, options, { dryRun: true, recorder, base }, (over, { resources }) =>
    refreshResources(over, resources),
  );
  return {
    stack: stack.name,
    result: run.gate.reason ?? "succeeded",
    looked,
    resources: drifted.sort((a, b) => (a.urn < b.urn ? -1 : 1)),
    errors: recorder.diagnostics.flatMap(({ severity, message, urn }) =>
      severity === "error" ? [urn === undefined ? message : `${nameOf(urn)}: ${message}`] : [],
    ),
  };
}

function compareWith(old: ResourceState, found: ResourceState | undefined): DriftedResource | undefined {
  const { urn, type, id = "" } = old;
  const resource = { urn, type, name: nameOf(urn), id };
  if (found === undefined) return { ...resource, kind: "gone", properties: [] };
  const inputs = withIgnored(found.inputs, old.inputs, old.ignoreChanges ?? []);
  const properties = [...changedPaths(old.inputs, inputs).keys()].sort().map((path): DriftedProperty => {
    const [declared, live] = [valueAt(old.inputs, parsePath(path)), valueAt(inputs, parsePath(path))];
    return {
      path,
      ...(declared === undefined ? {} : { declared }),
      ...(live === undefined ? {} : { found: live }),
    };
  });
  return properties.length === 0 ? undefined : { ...resource, kind: "changed", properties };
}
