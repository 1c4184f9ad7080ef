import { inReverseOrder } from "./deployment/deletion";
import { referencesOf } from "./deployment/olds";
import { settlePending } from "./deployment/pending";
import { asFailure, now, type Run, withSlot } from "./deployment/run";
import { recordsTheSame, withoutAbsent } from "./deployment/states";
import { Stopped } from "./deployment/stop";
import { StepFailure } from "./failure";
import type { RunResult } from "./operations";
import { overState, type StateOptions } from "./over-state";
import { changedPaths } from "./paths";
import { withSecretsOf, reveal } from "./secrecy";
import type { ResourceState } from "./state/store";
import { isProviderType } from "./urn";

export type RefreshOptions = StateOptions & {
  /** Forget creations that a killed run left open, having looked that nothing of them exists. @default false */
  readonly clearPendingCreates?: boolean;
};

/** Reads every resource through its provider, and takes what it finds into the state: changed, or gone. */
export function refresh(options: RefreshOptions): Promise<RunResult> {
  return overState(
    {
      kind: "refresh",
      async work(run, base) {
        const { resources, pendingOperations } = await settlePending(run, base);
        if (options.clearPendingCreates === true)
          for (const operation of pendingOperations) await run.journal.abandon(operation);
        await refreshResources(run, resources);
      },
      isNothing: ({ steps }, { pendingOperations }) => steps.length + pendingOperations.length === 0,
    },
    options,
  );
}

/** Reads all at the same time; what has vanished leaves the state last, once nothing names it any more. */
export async function refreshResources(run: Run, resources: readonly ResourceState[]): Promise<void> {
  const current = new Map(resources.map((resource) => [resource, resource]));
  const vanished: ResourceState[] = [];
  const attempts = await Promise.allSettled(
    resources.filter(isReadable).map(async (resource) => {
      const found = await readOne(run, resource);
      if (found === undefined) vanished.push(resource);
      else current.set(resource, found);
    }),
  );
  const failed = attempts.find(
    (attempt): attempt is PromiseRejectedResult =>
      attempt.status === "rejected" && !(attempt.reason instanceof Stopped),
  );
  const gone = new Set(vanished.map(({ urn }) => urn));
  if (gone.size > 0) {
    const going = new Set(vanished);
    for (const [original, state] of current) {
      if (going.has(original) || ![...referencesOf(state)].some((urn) => gone.has(urn))) continue;
      const freed = withoutReferences(state, gone);
      await run.journal.amend(state, freed);
    }
    await inReverseOrder(
      resources.filter((resource) => going.has(resource)),
      (resource) => run.journal.remove(resource),
    );
  }
  if (failed !== undefined) throw failed.reason;
}

function isReadable(resource: ResourceState): boolean {
  const { custom, type, id, provider } = resource;
  return (
    custom &&
    !isProviderType(type) &&
    id !== undefined &&
    provider !== undefined &&
    resource.pendingReplacement !== true &&
    resource.delete !== true
  );
}

async function readOne(run: Run, old: ResourceState): Promise<ResourceState | undefined> {
  const { urn, type, id = "", provider: reference = "" } = old;
  const step = { op: "refresh" as const, urn, type, provider: reference, old };
  return withSlot(run, async () => {
    run.recorder.emit({ kind: "step-start", step });
    try {
      const provider = await run.providers.get(reference, urn);
      const live = await provider.read({ urn, type, id, inputs: reveal(old.inputs), outputs: reveal(old.outputs) });
      if (live === undefined) {
        run.recorder.ended(step, "delete");
        return undefined;
      }
      const inputs = old.external === true ? old.inputs : withSecretsOf(live.inputs, old.inputs);
      const outputs = withSecretsOf(withSecretsOf(live.outputs, old.outputs), old.inputs, old.additionalSecretOutputs);
      const found = withoutAbsent({ ...old, id: live.id, inputs, outputs, initErrors: undefined });
      if (recordsTheSame(old, found)) {
        run.recorder.ended({ ...step, op: "same", new: old });
        return old;
      }
      const state = { ...found, modified: now() };
      await run.journal.put(state, old);
      const detailedDiff = Object.fromEntries(changedPaths(old.outputs, outputs));
      run.recorder.ended({ ...step, new: state, detailedDiff }, "update");
      return state;
    } catch (error) {
      const failure = asFailure(error, old);
      const message = failure instanceof Error ? failure.message : String(failure);
      run.recorder.emit({ kind: "step-end", step, failed: message });
      if (failure instanceof StepFailure) {
        run.recorder.diagnostic("error", message, urn);
        run.reported.add(failure);
        run.gate.stop("failed");
      }
      throw failure;
    }
  });
}

function withoutReferences(state: ResourceState, gone: ReadonlySet<string>): ResourceState {
  const stays = (urn: string): boolean => !gone.has(urn);
  const { parent, deletedWith, dependencies, propertyDependencies } = state;
  return withoutAbsent({
    ...state,
    parent: parent === undefined || stays(parent) ? parent : undefined,
    deletedWith: deletedWith === undefined || stays(deletedWith) ? deletedWith : undefined,
    dependencies: dependencies?.filter(stays),
    propertyDependencies:
      propertyDependencies === undefined
        ? undefined
        : Object.fromEntries(Object.entries(propertyDependencies).map(([key, urns]) => [key, urns.filter(stays)])),
  });
}
