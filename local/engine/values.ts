/**
 * Property values as the engine holds them: plain JSON, plus the four things that JSON lacks. Their wire and state forms
 * (objects with a signature key) are made and read in one place, {@link ./wire}.
 */

/** A value that must be encrypted in state and hidden in output. */
export class Secret {
  constructor(readonly value: PropertyValue) {}
}

/** A value that is not known before the deployment has run (previews only). */
export class Unknown {
  /** Without a member of its own, the compiler would take every object for one of these. */
  protected readonly brand = "unknown";
  private constructor() {}
  static readonly instance = new Unknown();
}
export const UNKNOWN = Unknown.instance;

/** A resource passed as a property of another. `id` is absent for components, and unknown in a preview that creates it. */
export class ResourceReference {
  constructor(
    readonly urn: string,
    readonly id?: string | Unknown,
    readonly packageVersion?: string,
  ) {}
}

/** A file, text or tree of them; kept in the wire form, `fields` being everything beside the signature. */
export class AssetOrArchive {
  constructor(
    readonly kind: "asset" | "archive",
    readonly fields: PropertyMap,
  ) {}
}

export type PropertyValue =
  | null
  | boolean
  | number
  | string
  | Secret
  | Unknown
  | ResourceReference
  | AssetOrArchive
  | PropertyValue[]
  | PropertyMap;

export interface PropertyMap {
  [key: string]: PropertyValue;
}

export function isMap(value: PropertyValue | undefined): value is PropertyMap {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Secret) &&
    !(value instanceof Unknown) &&
    !(value instanceof ResourceReference) &&
    !(value instanceof AssetOrArchive)
  );
}

/** Whether any part of `value`, however deep, satisfies `test`. */
export function someValue(value: PropertyValue, test: (part: PropertyValue) => boolean): boolean {
  if (test(value)) return true;
  if (value instanceof Secret) return someValue(value.value, test);
  if (Array.isArray(value)) return value.some((part) => someValue(part, test));
  return isMap(value) && Object.values(value).some((part) => someValue(part, test));
}

export const hasUnknown = (value: PropertyValue): boolean => someValue(value, (part) => part instanceof Unknown);
export const hasSecret = (value: PropertyValue): boolean => someValue(value, (part) => part instanceof Secret);

/** A copy of `value` in which every {@link Secret} is replaced by what it holds. */
export function revealSecrets<T extends PropertyValue>(value: T): PropertyValue {
  if (value instanceof Secret) return revealSecrets(value.value);
  if (Array.isArray(value)) return value.map(revealSecrets);
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, revealSecrets(part)]));
  return value;
}
