import type { ResourceState, Snapshot } from "../state/store";
import { withoutAbsent } from "./states";

/** The resources of the last deployment, and what has become of each in this one. */
export class Olds {
  /** Replaced in an earlier run, and still to be deleted. */
  readonly leftovers: ResourceState[] = [];
  private readonly live = new Map<string, ResourceState>();
  private readonly claimed = new Set<string>();
  private readonly position = new Map<string, number>();
  private readonly leftoverPosition = new Map<ResourceState, number>();
  private referrers: Map<string, Set<string>> | undefined;

  constructor(base: Snapshot) {
    base.resources.forEach((resource, i) => {
      if (resource.delete === true) {
        this.leftovers.push(resource);
        this.leftoverPosition.set(resource, i);
      } else {
        this.live.set(resource.urn, resource);
        this.position.set(resource.urn, i);
      }
    });
  }

  /** Takes the resource that stood under the first of `urns`, so that nothing else can. */
  claim(urns: readonly string[]): ResourceState | undefined {
    const urn = urns.find((each) => this.live.has(each) && !this.claimed.has(each));
    if (urn === undefined) return undefined;
    this.claimed.add(urn);
    return this.live.get(urn);
  }

  get(urn: string): ResourceState | undefined {
    return this.live.get(urn);
  }

  isClaimed(urn: string): boolean {
    return this.claimed.has(urn);
  }

  /** The state object that now stands for the old resource of that URN. */
  substitute(resource: ResourceState): void {
    this.live.set(resource.urn, resource);
  }

  /** Everything, in the order of the snapshot. */
  all(): ResourceState[] {
    return this.inOrder([...this.leftovers, ...this.live.values()]);
  }

  /** What no registration has asked for, in the order of the snapshot. */
  unclaimed(): ResourceState[] {
    return [...this.live.values()].filter(({ urn }) => !this.claimed.has(urn));
  }

  /** Sorted as the snapshot is: whatever a resource names stands before it. */
  inOrder(resources: readonly ResourceState[]): ResourceState[] {
    return [...resources].sort((a, b) => this.positionOf(a) - this.positionOf(b));
  }

  /** Resources that depend on `root`, however indirectly, in the order of the snapshot; parents do not count. */
  dependents(root: ResourceState): ResourceState[] {
    const found = new Set<string>();
    const queue = [root.urn];
    for (let urn = queue.pop(); urn !== undefined; urn = queue.pop()) {
      for (const referrer of this.referrersOf(urn)) {
        if (referrer === root.urn || found.has(referrer)) continue;
        const resource = this.live.get(referrer);
        if (resource === undefined || !referencesOf(resource, { parent: false }).has(urn)) continue;
        found.add(referrer);
        queue.push(referrer);
      }
    }
    return this.inOrder([...found].flatMap((urn) => this.live.get(urn) ?? []));
  }

  /** What nothing has asked for yet and names `from`, as it reads once that is called `to`. */
  renamed(from: string, to: string): { old: ResourceState; resource: ResourceState }[] {
    const live = [...this.referrersOf(from)].flatMap((urn) =>
      this.claimed.has(urn) ? [] : (this.live.get(urn) ?? []),
    );
    const left = this.leftovers.filter((resource) => referencesOf(resource).has(from));
    return [...live, ...left].map((old) => {
      const resource = withRenamed(old, from, to);
      if (old.delete !== true) {
        this.live.set(resource.urn, resource);
      } else {
        this.leftovers[this.leftovers.indexOf(old)] = resource;
        this.leftoverPosition.set(resource, this.positionOf(old));
      }
      return { old, resource };
    });
  }

  private positionOf(resource: ResourceState): number {
    return this.leftoverPosition.get(resource) ?? this.position.get(resource.urn) ?? -1;
  }

  private referrersOf(urn: string): ReadonlySet<string> {
    if (this.referrers === undefined) {
      this.referrers = new Map();
      for (const resource of this.live.values()) {
        for (const name of referencesOf(resource)) {
          const set = this.referrers.get(name);
          if (set === undefined) this.referrers.set(name, new Set([resource.urn]));
          else set.add(resource.urn);
        }
      }
    }
    return this.referrers.get(urn) ?? new Set();
  }
}

function withRenamed(state: ResourceState, from: string, to: string): ResourceState {
  const rename = (urn: string): string => (urn === from ? to : urn);
  const { parent, deletedWith, provider, dependencies, propertyDependencies } = state;
  return withoutAbsent({
    ...state,
    parent: parent === undefined ? undefined : rename(parent),
    deletedWith: deletedWith === undefined ? undefined : rename(deletedWith),
    provider: provider?.startsWith(`${from}::`) === true ? to + provider.slice(from.length) : provider,
    dependencies: dependencies?.map(rename),
    propertyDependencies:
      propertyDependencies === undefined
        ? undefined
        : Object.fromEntries(Object.entries(propertyDependencies).map(([key, urns]) => [key, urns.map(rename)])),
  });
}

/** The URNs that a resource names: what must exist while it does. */
export function referencesOf(resource: ResourceState, { parent = true } = {}): Set<string> {
  const urns = new Set(resource.dependencies);
  for (const list of Object.values(resource.propertyDependencies ?? {})) for (const urn of list) urns.add(urn);
  if (parent && resource.parent !== undefined) urns.add(resource.parent);
  if (resource.provider !== undefined) urns.add(resource.provider.slice(0, resource.provider.lastIndexOf("::")));
  if (resource.deletedWith !== undefined) urns.add(resource.deletedWith);
  return urns;
}
