import { reveal } from "../secrecy";
import type { ResourceState } from "../state/store";
import { type PropertyMap, UNKNOWN } from "../values";
import { asFailure, type Run, withSlot } from "./run";

/**
 * The resources among `dependents` (in the order of the snapshot) that must be deleted before `root` can be, because they would have to be
 * replaced anyway once `root` is another one: those on a provider that goes, and those whose provider wants a replacement when the
 * inputs that come from what goes are unknown.
 */
export async function doomedWith(
  run: Run,
  root: ResourceState,
  dependents: readonly ResourceState[],
): Promise<ResourceState[]> {
  const going = new Set([root.urn]);
  const doomed: ResourceState[] = [];
  for (const resource of dependents) {
    if (await mustGo(run, resource, going)) {
      going.add(resource.urn);
      doomed.push(resource);
    }
  }
  return doomed;
}

async function mustGo(run: Run, resource: ResourceState, going: ReadonlySet<string>): Promise<boolean> {
  const { provider: reference } = resource;
  if (!resource.custom || resource.external === true || reference === undefined || resource.pendingReplacement === true)
    return false;
  if (going.has(reference.slice(0, reference.lastIndexOf("::")))) return true;

  const uncertain = Object.entries(resource.propertyDependencies ?? {}).filter(([, urns]) =>
    urns.some((urn) => going.has(urn)),
  );
  if (uncertain.length === 0) return false;
  const olds = reveal(resource.inputs);
  const news: PropertyMap = { ...olds };
  for (const [key] of uncertain) if (key in news) news[key] = UNKNOWN;
  return withSlot(run, async () => {
    try {
      const provider = await run.providers.get(reference, resource.urn);
      const diff = await provider.diff({
        urn: resource.urn,
        id: resource.id ?? "",
        type: resource.type,
        oldInputs: olds,
        oldOutputs: reveal(resource.outputs),
        newInputs: news,
        ignoreChanges: resource.ignoreChanges ?? [],
        preview: true,
      });
      return diff.replaceKeys.length > 0;
    } catch (error) {
      throw asFailure(error, resource);
    }
  });
}
