import { formatUrn, nameOf, parseUrn, qualify, typeOf } from "./urn";

/** A former identity of a resource; what is absent is as it is now. */
export interface AliasSpec {
  readonly name?: string;
  readonly type?: string;
  readonly stack?: string;
  readonly project?: string;
  /** `null`: it had no parent. */
  readonly parent?: string | null;
}
export type Alias = string | AliasSpec;

interface Self {
  readonly urn: string;
  readonly parent?: string;
  readonly aliases: readonly Alias[];
}

/**
 * Every URN that a resource may have had: its own aliases, and those that follow from its parent's (`parentAliases`), a
 * child whose name begins with its parent's being renamed with it, as Pulumi does.
 */
export function aliasUrns(self: Self, parentAliases: readonly string[]): string[] {
  const own = self.aliases.map((alias) => (typeof alias === "string" ? alias : resolve(self, alias)));
  const found = new Set(own);
  const { parent } = self;
  if (parent !== undefined) {
    const identities = [self.urn, ...own].map((urn) => ({ name: nameOf(urn), type: typeOf(urn) }));
    for (const parentAlias of parentAliases) {
      for (const { name, type } of identities) found.add(inherited(nameOf(parent), parentAlias, name, type));
    }
  }
  found.delete(self.urn);
  return [...found];
}

function resolve(self: Self, alias: AliasSpec): string {
  const now = parseUrn(self.urn);
  const parent = alias.parent === null ? undefined : (alias.parent ?? self.parent);
  return formatUrn({
    stack: alias.stack ?? now.stack,
    project: alias.project ?? now.project,
    qualifiedType: qualify(parent, alias.type ?? typeOf(self.urn)),
    name: alias.name ?? now.name,
  });
}

function inherited(parentName: string, parentAlias: string, name: string, type: string): string {
  const former = nameOf(parentAlias);
  const { stack, project } = parseUrn(parentAlias);
  return formatUrn({
    stack,
    project,
    qualifiedType: qualify(parentAlias, type),
    name: name.startsWith(parentName) ? former + name.slice(parentName.length) : name,
  });
}
