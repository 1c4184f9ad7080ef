import type { ResourceState, Snapshot } from "../state/store";

/** The resources of the last deployment, and what has become of each in this one. */
export class Olds {
  /** Replaced in an earlier run, and still to be deleted. */
  readonly leftovers: ResourceState[] = [];
  private readonly live = new Map<string, ResourceState>();
  private readonly claimed = new Set<string>();
  private readonly position = new Map<string, number>();
  private readonly leftoverPosition = new Map<ResourceState, number>();
  private readonly order: ResourceState[];
  private referrers: Map<string, ResourceState[]> | undefined;

  constructor(base: Snapshot) {
    this.order = base.resources;
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
    const index = this.referrersByUrn();
    const found = new Set<string>();
    const queue = [root.urn];
    for (let urn = queue.pop(); urn !== undefined; urn = queue.pop()) {
      for (const { urn: referrer } of index.get(urn) ?? []) {
        if (referrer !== root.urn && !found.has(referrer)) {
          found.add(referrer);
          queue.push(referrer);
        }
      }
    }
    return [...found]
      .sort((a, b) => (this.position.get(a) ?? 0) - (this.position.get(b) ?? 0))
      .flatMap((urn) => this.live.get(urn) ?? []);
  }

  private positionOf(resource: ResourceState): number {
    return this.leftoverPosition.get(resource) ?? this.position.get(resource.urn) ?? -1;
  }

  private referrersByUrn(): Map<string, ResourceState[]> {
    if (this.referrers !== undefined) return this.referrers;
    const index = new Map<string, ResourceState[]>();
    for (const resource of this.order) {
      if (resource.delete === true) continue;
      for (const urn of referencesOf(resource, { parent: false })) {
        const list = index.get(urn);
        if (list === undefined) index.set(urn, [resource]);
        else list.push(resource);
      }
    }
    this.referrers = index;
    return index;
  }
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
