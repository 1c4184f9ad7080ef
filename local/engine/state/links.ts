import { inheritExtras } from "./resource";
import type { ResourceState } from "./store";

/**
 * The resources with every link to one that has another name by now (an alias) put right, and every link to one that is gone
 * dropped, as the CLI does before it writes. Those that need it come back as copies, at the same index.
 */
export function withLiveLinks(resources: readonly ResourceState[], isGone: (urn: string) => boolean): ResourceState[] {
  const renamed = renames(resources);
  const current = (urn: string): string => renamed.get(urn) ?? urn;
  const stale = (urn: string): boolean => renamed.has(urn) || isGone(urn);
  const live = (urns: readonly string[]): string[] => [...new Set(urns.map(current))].filter((urn) => !isGone(urn));

  return resources.map((resource) => {
    const { urn, parent, provider, dependencies, propertyDependencies, deletedWith } = resource;
    const [providerUrn, providerId] = provider ? splitReference(provider) : [];
    const staleLinks =
      renamed.has(urn) ||
      [parent, providerUrn, deletedWith].some((link) => link !== undefined && stale(link)) ||
      dependencies?.some(stale) ||
      Object.values(propertyDependencies ?? {}).some((urns) => urns.some(stale));
    if (!staleLinks) return resource;

    const copy: ResourceState = { ...resource, urn: current(urn) };
    if (provider && providerUrn) copy.provider = `${current(providerUrn)}::${providerId ?? ""}`;
    if (dependencies) copy.dependencies = live(dependencies);
    if (propertyDependencies) {
      copy.propertyDependencies = Object.fromEntries(
        Object.entries(propertyDependencies).map(([key, urns]) => [key, live(urns)]),
      );
    }
    if (parent) copy.parent = current(parent);
    if (copy.parent && isGone(copy.parent)) delete copy.parent;
    if (deletedWith) copy.deletedWith = current(deletedWith);
    if (copy.deletedWith && isGone(copy.deletedWith)) delete copy.deletedWith;
    inheritExtras(resource, copy);
    return copy;
  });
}

/** Old URN to new: of resources that say so, and of the children that have not been seen since their parent was renamed. */
function renames(resources: readonly ResourceState[]): Map<string, string> {
  const renamed = new Map<string, string>();
  const present = new Set<string>();
  for (const { urn, aliases } of resources) {
    present.add(urn);
    for (const alias of aliases ?? []) if (alias !== urn) renamed.set(alias, urn);
  }
  // A name that a resource has now is that resource's, whoever had it before.
  for (const urn of present) renamed.delete(urn);
  if (renamed.size === 0) return renamed;
  for (const { urn, parent } of resources) {
    const newParent = parent && renamed.get(parent);
    if (!newParent) continue;
    const child = underParent(urn, newParent);
    if (child !== urn && !present.has(child)) renamed.set(urn, child);
  }
  return renamed;
}

const ROOT_TYPE = "pulumi:pulumi:Stack";

/** `urn:pulumi:<stack>::<project>::<parent type>$<type>::<name>`, with the types of another parent. */
function underParent(urn: string, parent: string): string {
  const [stack, project, types = "", ...name] = urn.split("::");
  const parentTypes = parent.split("::")[2] ?? "";
  const own = types.slice(types.lastIndexOf("$") + 1);
  return [stack, project, parentTypes === ROOT_TYPE ? own : `${parentTypes}$${own}`, ...name].join("::");
}

/** A provider reference is `urn::id`; a name may hold `::` too, an id does not. */
function splitReference(reference: string): [string, string] {
  const end = reference.lastIndexOf("::");
  return [reference.slice(0, end), reference.slice(end + 2)];
}
