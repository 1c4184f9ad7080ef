import type { Provider } from "../provider";
import type { ResourceState } from "../state/store";
import { isProviderType } from "../urn";
import { inReverseOrder } from "./deletion";
import type { Run } from "./run";
import { type Deletion, remove } from "./steps";
import { StepFailure } from "../failure";

/** Deletes what no registration has asked for, and what has been replaced in this run or in an earlier one. */
export function deleteRest(
  run: Run,
  superseded: readonly ResourceState[],
  isReplaced: (urn: string) => boolean,
): Promise<void> {
  return deleteAll(run, run.olds.inOrder([...run.olds.leftovers, ...superseded, ...run.olds.unclaimed()]), isReplaced);
}

/**
 * Deletes `resources` (in the order of the snapshot), dependents first. Refuses as a whole if one of them is protected.
 * @throws {StepFailure} the first failure, all others having been reported.
 */
export async function deleteAll(
  run: Run,
  resources: readonly ResourceState[],
  isReplaced: (urn: string) => boolean = () => false,
): Promise<void> {
  const refused = resources.filter((resource) => resource.protect === true && resource.external !== true);
  if (refused.length > 0) {
    throw new StepFailure(
      `${refused.length === 1 ? "a resource is" : `${refused.length} resources are`} protected and cannot be deleted: ` +
        `${refused.map(({ urn }) => urn).join(", ")}; remove 'protect' from it in the program and run up, then delete it`,
      refused[0]?.urn,
    );
  }
  const going = new Set(resources.map(({ urn }) => urn));
  await inReverseOrder(resources, async (resource) => {
    run.gate.check();
    const { deletedWith } = resource;
    const withOther = deletedWith !== undefined && (going.has(deletedWith) || isReplaced(deletedWith));
    const deletion = howToDelete(resource, withOther);
    const provider = await providerOf(run, resource, deletion.physical);
    const seconds = resource.customTimeouts?.delete;
    const target = {
      ...(provider === undefined ? {} : { provider }),
      ...(seconds === undefined ? {} : { timeoutSeconds: seconds }),
    };
    try {
      await remove(run, resource, deletion, target);
    } catch (error) {
      if (error instanceof StepFailure) {
        run.recorder.diagnostic("error", error.message, resource.urn);
        run.gate.stop("failed");
        run.reported.add(error);
      }
      throw error;
    }
  });
}

function howToDelete(resource: ResourceState, withOther: boolean): Deletion {
  if (resource.external === true || resource.pendingReplacement === true) return { op: "discard", physical: false };
  return {
    op: resource.delete === true ? "delete-replaced" : "delete",
    physical: resource.retainOnDelete !== true && !withOther,
  };
}

async function providerOf(run: Run, resource: ResourceState, physical: boolean): Promise<Provider | undefined> {
  if (!physical || run.dryRun || !resource.custom || isProviderType(resource.type)) return undefined;
  if (resource.provider === undefined) {
    throw new StepFailure("it has no provider in the state, so it cannot be deleted", resource.urn);
  }
  return run.providers.get(resource.provider, resource.urn);
}
