import { StepFailure } from "./failure";

/** A resource's name in a stack: `urn:pulumi:<stack>::<project>::<parent types$><type>::<name>`. */
export interface Urn {
  readonly stack: string;
  readonly project: string;
  /** The types of the parents and its own, outermost first, joined by `$`. */
  readonly qualifiedType: string;
  /** May contain `::`. */
  readonly name: string;
}

const prefix = "urn:pulumi:";
export const stackType = "pulumi:pulumi:Stack";
const providerPrefix = "pulumi:providers:";

export function parseUrn(text: string): Urn {
  const [stack, project, qualifiedType, ...name] = text.startsWith(prefix) ? text.slice(prefix.length).split("::") : [];
  if (stack === undefined || project === undefined || qualifiedType === undefined || name.length === 0) {
    throw new StepFailure(`'${text}' is not a URN; expected ${prefix}<stack>::<project>::<type>::<name>`);
  }
  return { stack, project, qualifiedType, name: name.join("::") };
}

export function formatUrn(urn: Urn): string {
  return `${prefix}${urn.stack}::${urn.project}::${urn.qualifiedType}::${urn.name}`;
}

export const nameOf = (urn: string): string => parseUrn(urn).name;

/** The resource's own type: the last part of its qualified type. */
export function typeOf(urn: string): string {
  const { qualifiedType } = parseUrn(urn);
  return qualifiedType.slice(qualifiedType.lastIndexOf("$") + 1);
}

/** The stack itself adds nothing to the types of its children. */
export function qualify(parent: string | undefined, type: string): string {
  if (parent === undefined || parent === "") return type;
  const { qualifiedType } = parseUrn(parent);
  return qualifiedType === stackType ? type : `${qualifiedType}$${type}`;
}

export const isProviderType = (type: string): boolean => type.startsWith(providerPrefix);

/** The package that a type or function token belongs to: `kubernetes` of `kubernetes:core/v1:ConfigMap` and of `pulumi:providers:kubernetes`. */
export function packageOf(token: string): string {
  return isProviderType(token) ? token.slice(providerPrefix.length) : (token.split(":")[0] ?? token);
}

export const providerTypeOf = (packageName: string): string => providerPrefix + packageName;

/** A provider reference, `<urn>::<id>`; the id holds no `::`, the URN may. */
export function parseProviderReference(reference: string): { urn: string; id: string } {
  const at = reference.lastIndexOf("::");
  const urn = reference.slice(0, Math.max(at, 0));
  if (!urn.startsWith(prefix))
    throw new StepFailure(`'${reference}' is not a provider reference; expected <urn>::<id>`);
  return { urn, id: reference.slice(at + 2) };
}
