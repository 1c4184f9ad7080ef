import type { Mutation, Operation, OperationType, ResourceState, StackSession } from "../state/store";

/** The state as a deployment changes it; in a preview, nothing. */
export interface Journal {
  begin(type: OperationType, resource: ResourceState): Promise<Operation | undefined>;
  abandon(operation: Operation | undefined): Promise<void>;
  put(resource: ResourceState, old?: ResourceState, operation?: Operation): Promise<void>;
  remove(resource: ResourceState, operation?: Operation): Promise<void>;
  amend(old: ResourceState, resource: ResourceState): Promise<void>;
}

export class SessionJournal implements Journal {
  constructor(private readonly session: Pick<StackSession, "apply">) {}

  async begin(type: OperationType, resource: ResourceState): Promise<Operation> {
    const operation = { type, resource };
    await this.apply({ kind: "begin", operation });
    return operation;
  }

  async abandon(operation: Operation | undefined): Promise<void> {
    if (operation !== undefined) await this.apply({ kind: "abandon", operation });
  }

  async put(resource: ResourceState, old?: ResourceState, operation?: Operation): Promise<void> {
    await this.apply({
      kind: "put",
      resource,
      ...(old === undefined ? {} : { old }),
      ...(operation === undefined ? {} : { operation }),
    });
  }

  async remove(resource: ResourceState, operation?: Operation): Promise<void> {
    await this.apply({ kind: "remove", resource, ...(operation === undefined ? {} : { operation }) });
  }

  async amend(old: ResourceState, resource: ResourceState): Promise<void> {
    await this.apply({ kind: "amend", old, resource });
  }

  private apply(mutation: Mutation): Promise<void> {
    return this.session.apply(mutation);
  }
}

export const previewJournal: Journal = {
  begin: async () => undefined,
  abandon: async () => undefined,
  put: async () => undefined,
  remove: async () => undefined,
  amend: async () => undefined,
};
