import type { Mutation, Operation, ResourceState, Snapshot, StackSession } from "../state/store";

/** A stack's state in memory; `snapshot` is what a file would hold now. */
export class MemorySession implements StackSession {
  readonly base: Snapshot;
  readonly mutations: Mutation[] = [];
  closed: "succeeded" | "failed" | undefined;
  private readonly resources: Set<ResourceState>;
  private readonly operations: Set<Operation>;

  constructor(base: Snapshot = { resources: [], pendingOperations: [] }) {
    this.base = base;
    this.resources = new Set(base.resources);
    this.operations = new Set(base.pendingOperations);
  }

  get snapshot(): Snapshot {
    return { resources: ordered([...this.resources]), pendingOperations: [...this.operations] };
  }

  async apply(mutation: Mutation): Promise<void> {
    this.mutations.push(mutation);
    switch (mutation.kind) {
      case "begin":
        this.operations.add(mutation.operation);
        break;
      case "abandon":
        this.operations.delete(mutation.operation);
        break;
      case "put":
        if (mutation.old !== undefined) this.resources.delete(mutation.old);
        this.resources.add(mutation.resource);
        break;
      case "remove":
        this.resources.delete(mutation.resource);
        break;
      case "amend":
        this.resources.delete(mutation.old);
        this.resources.add(mutation.resource);
        break;
    }
    if ("operation" in mutation && mutation.kind !== "begin" && mutation.operation !== undefined) {
      this.operations.delete(mutation.operation);
    }
  }

  async close(result: "succeeded" | "failed"): Promise<void> {
    this.closed = result;
  }
}

/** Sorted so that whatever a resource names stands before it, as far as it is there. */
function ordered(resources: readonly ResourceState[]): ResourceState[] {
  const byUrn = new Map<string, ResourceState[]>();
  for (const resource of resources) byUrn.set(resource.urn, [...(byUrn.get(resource.urn) ?? []), resource]);
  const sorted = new Set<ResourceState>();
  const visiting = new Set<ResourceState>();
  const visit = (resource: ResourceState): void => {
    if (sorted.has(resource) || visiting.has(resource)) return;
    visiting.add(resource);
    for (const urn of named(resource)) for (const other of byUrn.get(urn) ?? []) visit(other);
    sorted.add(resource);
  };
  resources.forEach(visit);
  return [...sorted];
}

function named(resource: ResourceState): string[] {
  return [
    ...(resource.dependencies ?? []),
    ...(resource.parent === undefined ? [] : [resource.parent]),
    ...(resource.provider === undefined ? [] : [resource.provider.slice(0, resource.provider.lastIndexOf("::"))]),
  ];
}
