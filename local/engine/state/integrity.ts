import type { ResourceState } from "./store";

/** The state would name what is not in it; `message` names the broken link. */
export class IntegrityError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "IntegrityError";
  }
}

/**
 * `resources` with whatever each one names before it. A list that is in such an order already comes back as it is; otherwise as
 * little as possible moves.
 * @throws {IntegrityError} when a name leads nowhere, or in a circle
 */
export function inDependencyOrder(resources: readonly ResourceState[]): ResourceState[] {
  const byUrn = new Map<string, ResourceState[]>();
  const providers = new Map<string, ResourceState>();
  for (const resource of resources) {
    const same = byUrn.get(resource.urn);
    if (same) same.push(resource);
    else byUrn.set(resource.urn, [resource]);
    if (isProvider(resource)) providers.set(`${resource.urn}::${resource.id ?? ""}`, resource);
  }
  for (const [urn, same] of byUrn) {
    if (same.filter((resource) => !resource.delete).length > 1) {
      throw new IntegrityError(`the state has ${urn} twice, neither marked for deletion`);
    }
  }

  const done = new Set<ResourceState>();
  const placed = new Set<string>();
  const place = (resource: ResourceState): void => {
    done.add(resource);
    placed.add(resource.urn);
  };

  for (const root of resources) {
    if (done.has(root)) continue;
    const path: { resource: ResourceState; names: Iterator<Link> }[] = [{ resource: root, names: links(root) }];
    const open = new Set([root]);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.names.next();
      if (next.done) {
        place(top.resource);
        open.delete(top.resource);
        path.pop();
        continue;
      }
      const target = resolve(next.value, top.resource, byUrn, providers, placed, done);
      if (target === undefined) continue;
      if (open.has(target)) {
        const circle = path
          .slice(path.findIndex(({ resource }) => resource === target))
          .map(({ resource }) => resource.urn);
        throw new IntegrityError(
          `resources of the state depend on each other in a circle: ${[...circle, target.urn].join(" -> ")}`,
        );
      }
      open.add(target);
      path.push({ resource: target, names: links(target) });
    }
  }
  return [...done];
}

interface Link {
  readonly kind: "provider" | "parent" | "dependency" | "property dependency" | "deletedWith";
  readonly to: string;
}

function* links(resource: ResourceState): Generator<Link> {
  if (resource.provider) yield { kind: "provider", to: resource.provider };
  if (resource.parent) yield { kind: "parent", to: resource.parent };
  for (const to of resource.dependencies ?? []) yield { kind: "dependency", to };
  for (const names of Object.values(resource.propertyDependencies ?? {})) {
    for (const to of names) yield { kind: "property dependency", to };
  }
  if (resource.deletedWith) yield { kind: "deletedWith", to: resource.deletedWith };
}

/** What must still come first for `link` to lead somewhere; `undefined` when it does already. */
function resolve(
  link: Link,
  from: ResourceState,
  byUrn: ReadonlyMap<string, readonly ResourceState[]>,
  providers: ReadonlyMap<string, ResourceState>,
  placed: ReadonlySet<string>,
  done: ReadonlySet<ResourceState>,
): ResourceState | undefined {
  if (link.kind === "provider") {
    const provider = providers.get(link.to);
    // A resource that waits for its replacement no longer exists, so its provider need not.
    if (provider === undefined && from.pendingReplacement) return undefined;
    if (provider === undefined) throw new IntegrityError(`resource ${from.urn} refers to unknown provider ${link.to}`);
    return done.has(provider) ? undefined : provider;
  }
  if (placed.has(link.to)) return undefined;
  const candidates = byUrn.get(link.to)?.filter((candidate) => candidate !== from);
  const target = candidates?.find((candidate) => !candidate.delete) ?? candidates?.[0];
  if (target === undefined) throw new IntegrityError(`resource ${from.urn} refers to missing ${link.kind} ${link.to}`);
  return target;
}

const isProvider = (resource: ResourceState): boolean => resource.type.startsWith("pulumi:providers:");
