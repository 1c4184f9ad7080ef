import type { Operation, ResourceState, Snapshot } from "../state/store";
import { ProviderError } from "../provider";
import { reveal, withSecretsOf } from "../secrecy";
import { isProviderType } from "../urn";
import { now, type Run } from "./run";
import { withoutAbsent } from "./states";

/**
 * Deals with the creations that a killed run has left open: what its provider finds is taken over, what it does not find is forgotten, and
 * where it cannot tell the user is told. Resolves to the state to go on from.
 */
export async function settlePending(run: Run, base: Snapshot): Promise<Snapshot> {
  const resources = new Set(base.resources);
  const left: Operation[] = [];
  for (const operation of base.pendingOperations) {
    if (operation.type !== "creating") continue;
    if (run.dryRun) {
      run.recorder.diagnostic(
        "warning",
        "an earlier run was interrupted while it created this; the next run that is no preview looks for it",
        operation.resource.urn,
      );
    } else if (!(await settle(run, operation, resources))) {
      left.push(operation);
    }
  }
  return { resources: [...resources], pendingOperations: left };
}

async function settle(run: Run, operation: Operation, resources: Set<ResourceState>): Promise<boolean> {
  const { resource } = operation;
  const { urn, type, inputs, provider: reference } = resource;
  if (isProviderType(type)) {
    await run.journal.abandon(operation);
    return true;
  }
  const provider = reference === undefined ? undefined : await run.providers.get(reference, urn);
  if (provider?.recover === undefined) {
    run.recorder.diagnostic(
      "warning",
      "an earlier run was interrupted while it created this, and the engine cannot tell whether it exists; it is created again. " +
        `Look for it, and if it is there delete it; once you have, 'refresh --clear-pending-creates' ends this warning. Type: ${type}`,
      urn,
    );
    return false;
  }
  try {
    const found = await provider.recover({ urn, type, inputs: reveal(inputs) });
    if (found === undefined) {
      await run.journal.abandon(operation);
      run.recorder.diagnostic("info", "an earlier run was interrupted before it created this; it is created now", urn);
      return true;
    }
    const outputs = withSecretsOf(found.outputs, inputs, resource.additionalSecretOutputs);
    const live = withSecretsOf(found.inputs, inputs);
    // Nobody has waited for it to become ready: that is what makes the next step an update.
    const initErrors = ["the run that created it was interrupted"];
    const adopted = withoutAbsent({
      ...resource,
      id: found.id,
      inputs: live,
      outputs,
      initErrors,
      created: now(),
      modified: now(),
    });
    const old = run.olds.get(urn);
    if (old !== undefined) {
      const aside = { ...old, delete: true };
      await run.journal.amend(old, aside);
      resources.delete(old);
      resources.add(aside);
    }
    await run.journal.put(adopted, undefined, operation);
    resources.add(adopted);
    run.recorder.diagnostic(
      "info",
      `an earlier run was interrupted while it created this; it exists (${found.id}) and is taken over`,
      urn,
    );
    return true;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    run.recorder.diagnostic(
      "warning",
      `an earlier run was interrupted while it created this, and looking for it failed: ${error.message}`,
      urn,
    );
    return false;
  }
}

/**
 * What a killed run was changing need not be as the state says: it is updated whatever the program says, and what it was deleting is looked
 * for, since the program may want it again by now. Resolves to the resources to go on from.
 */
export async function doubtInterrupted(run: Run, base: Snapshot, resources: ResourceState[]): Promise<ResourceState[]> {
  const doubted = new Map<ResourceState, ResourceState>();
  for (const { type, resource } of base.pendingOperations) {
    const old = resources.find(({ urn, delete: gone }) => urn === resource.urn && gone !== true);
    if (old === undefined || isProviderType(old.type)) continue;
    if (type === "updating") doubted.set(old, { ...old, initErrors: ["the run that updated it was interrupted"] });
    else if (type === "deleting" && (await isGone(run, old))) doubted.set(old, { ...old, pendingReplacement: true });
  }
  for (const [old, resource] of doubted) await run.journal.amend(old, resource);
  return resources.map((resource) => doubted.get(resource) ?? resource);
}

async function isGone(
  run: Run,
  { urn, type, id, provider: reference, inputs, outputs }: ResourceState,
): Promise<boolean> {
  if (reference === undefined || id === undefined) return false;
  try {
    const provider = await run.providers.get(reference, urn);
    return (await provider.read({ urn, type, id, inputs: reveal(inputs), outputs: reveal(outputs) })) === undefined;
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    run.recorder.diagnostic(
      "warning",
      `an earlier run was interrupted while it deleted this, and looking for it failed: ${error.message}`,
      urn,
    );
    return false;
  }
}
