import type { Provider } from "../provider";
import { UNKNOWN_PLACEHOLDER } from "../signatures";
import type { ResourceState } from "../state/store";
import { isProviderType, packageOf, parseProviderReference, providerTypeOf, typeOf } from "../urn";
import { type PropertyMap, Secret } from "../values";
import { registration as complete, type Registered, type Registration } from "./registration";
import { asFailure, type Run } from "./run";

export interface StackConfig {
  /** Full keys (`kubernetes:context`) to text, structured values as JSON. */
  readonly values: Readonly<Record<string, string>>;
  readonly secretKeys: readonly string[];
}

/** Explicit provider references by package. */
export type ProviderReferences = Readonly<Record<string, string>>;

/** Which provider a resource has: its own, its parent's, or the default one of its package and version, which is made when first needed. */
export class ProviderChoice {
  private readonly defaults = new Map<string, Promise<string>>();

  constructor(
    private readonly run: Run,
    private readonly config: StackConfig,
    private readonly register: (registration: Registration) => Promise<Registered>,
    private readonly stateOf: (urn: string) => ResourceState | undefined,
  ) {}

  async instance(
    registration: Registration,
    urn: string,
    reference: string | undefined,
  ): Promise<Provider | undefined> {
    const { custom, type } = registration;
    if (!custom) return undefined;
    if (isProviderType(type)) return this.run.providers.resourceProvider(packageOf(type), urn);
    try {
      return reference === undefined ? undefined : await this.run.providers.get(reference, urn);
    } catch (error) {
      throw asFailure(error, { urn });
    }
  }

  async referenceFor(registration: Registration, inherited: ProviderReferences): Promise<string | undefined> {
    const { custom, type, version, pluginDownloadUrl } = registration;
    if (!custom || isProviderType(type)) return undefined;
    const explicit = registration.provider ?? inherited[packageOf(type)];
    return explicit === undefined
      ? this.defaultFor(packageOf(type), version, pluginDownloadUrl)
      : this.current(explicit);
  }

  /** A reference to the default provider of a package and version, which is a resource of the stack like any other. */
  defaultFor(packageName: string, version?: string, url?: string): Promise<string> {
    const parts = ["default", version, url].flatMap((part) =>
      part === undefined ? [] : [part.replace(/[^A-Za-z0-9-]+/g, "_")],
    );
    const name = parts.join("_");
    const key = `${packageName}/${name}`;
    let reference = this.defaults.get(key);
    if (reference === undefined) {
      const inputs = { ...this.configured(packageName), ...pluginOf({ version, pluginDownloadUrl: url }) };
      const made = this.register(complete({ type: providerTypeOf(packageName), name, custom: true, inputs }));
      reference = made.then(({ urn, id }) => `${urn}::${id ?? UNKNOWN_PLACEHOLDER}`);
      this.defaults.set(key, reference);
    }
    return reference;
  }

  /** The reference under which the provider is known in this run: the program may have an id that is out of date, or none. */
  private current(reference: string): string {
    const state = this.stateOf(parseProviderReference(reference).urn);
    return state === undefined ? reference : referenceTo(state);
  }

  private configured(packageName: string): PropertyMap {
    const inputs: PropertyMap = {};
    for (const [key, text] of Object.entries(this.config.values)) {
      const [namespace, ...rest] = key.split(":");
      if (namespace !== packageName) continue;
      inputs[rest.join(":")] = this.config.secretKeys.includes(key) ? new Secret(text) : text;
    }
    return inputs;
  }
}

export const referenceTo = (provider: ResourceState): string =>
  `${provider.urn}::${provider.id ?? UNKNOWN_PLACEHOLDER}`;

/** A provider resource records its plugin's version and address among its inputs. */
export function inputsToRecord(registration: Registration): PropertyMap {
  const { type, inputs } = registration;
  return isProviderType(type) ? { ...inputs, ...pluginOf(registration) } : inputs;
}

function pluginOf({ version, pluginDownloadUrl }: Pick<Registration, "version" | "pluginDownloadUrl">): PropertyMap {
  return {
    ...(version === undefined ? {} : { version }),
    ...(pluginDownloadUrl === undefined ? {} : { pluginDownloadURL: pluginDownloadUrl }),
  };
}

/** What a resource's children have from it: what it has from its own parent, and what it was given itself. */
export function providersOfChildren(registration: Registration, inherited: ProviderReferences): ProviderReferences {
  const { provider, providers } = registration;
  const own = provider === undefined ? {} : { [packageOf(typeOf(parseProviderReference(provider).urn))]: provider };
  return { ...inherited, ...providers, ...own };
}
