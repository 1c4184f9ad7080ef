import type { Alias } from "../aliases";
import type { PropertyMap } from "../values";

/** What a program asks for with `new Resource(...)`, after transforms; everything absent was not given. */
export interface Registration {
  readonly type: string;
  readonly name: string;
  readonly custom: boolean;
  readonly inputs: PropertyMap;
  readonly parent?: string;
  readonly dependencies: readonly string[];
  readonly propertyDependencies: Readonly<Record<string, readonly string[]>>;
  /** Provider reference, `<urn>::<id>`. */
  readonly provider?: string;
  /** Of a component: provider references by package, for its children. */
  readonly providers: Readonly<Record<string, string>>;
  readonly version?: string;
  readonly pluginDownloadUrl?: string;
  readonly protect?: boolean;
  readonly retainOnDelete?: boolean;
  readonly deletedWith?: string;
  readonly deleteBeforeReplace?: boolean;
  readonly replaceWith: readonly string[];
  readonly ignoreChanges: readonly string[];
  readonly replaceOnChanges: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly aliases: readonly Alias[];
  readonly importId?: string;
  /** Seconds. */
  readonly timeouts?: { readonly create?: number; readonly update?: number; readonly delete?: number };
}

/** What a program asks for with `Resource.get(...)`. */
export interface ReadRegistration extends Pick<
  Registration,
  | "type"
  | "name"
  | "inputs"
  | "parent"
  | "dependencies"
  | "provider"
  | "version"
  | "pluginDownloadUrl"
  | "additionalSecretOutputs"
> {
  /** Absent in a preview when the id is an output that is not known yet. */
  readonly id?: string;
}

/** The answer to both. */
export interface Registered {
  readonly urn: string;
  /** Absent for components, and in a preview for what does not exist yet. */
  readonly id?: string;
  readonly outputs: PropertyMap;
}

/** A registration with nothing but what is required; for default providers and tests. */
export function registration(
  required: Pick<Registration, "type" | "name" | "custom"> & Partial<Registration>,
): Registration {
  return {
    inputs: {},
    dependencies: [],
    propertyDependencies: {},
    providers: {},
    replaceWith: [],
    ignoreChanges: [],
    replaceOnChanges: [],
    additionalSecretOutputs: [],
    aliases: [],
    ...required,
  };
}
