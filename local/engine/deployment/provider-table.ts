import { randomUUID } from "node:crypto";
import type { CheckResponse, DiffResponse, Provider, ProviderContext, ProviderFactory } from "../provider";
import { ProviderError } from "../provider";
import type { ResourceState } from "../state/store";
import { isProviderType, packageOf } from "../urn";
import type { PropertyMap } from "../values";
import { equal } from "../equality";
import { reveal } from "../secrecy";
import { offlineProvider } from "./offline-provider";
import { StepFailure } from "../failure";

/** Finds the factory of a package; `undefined` when the engine has none. */
export type FactoryLoader = (packageName: string) => Promise<ProviderFactory | undefined>;

/** The engine's own entries in a provider's inputs; never shown to its factory. */
const bookkeeping = ["version", "pluginDownloadURL", "__internal"];

function configOf(inputs: PropertyMap): PropertyMap {
  return Object.fromEntries(Object.entries(reveal(inputs)).filter(([key]) => !bookkeeping.includes(key)));
}

/** Provider instances by reference, `<urn>::<id>`, configured when first used. */
export class ProviderTable {
  private readonly configs = new Map<string, { packageName: string; inputs: PropertyMap }>();
  private readonly instances = new Map<string, Promise<Provider>>();
  private readonly outdated: Promise<Provider>[] = [];

  constructor(
    private readonly load: FactoryLoader,
    private readonly available: readonly string[],
    private readonly context: ProviderContext,
    resources: readonly ResourceState[] = [],
  ) {
    for (const { urn, id, type, inputs } of resources) {
      if (isProviderType(type) && id !== undefined) this.define(`${urn}::${id}`, packageOf(type), inputs);
    }
  }

  /** Sets, or changes, the configuration behind a reference. */
  define(reference: string, packageName: string, inputs: PropertyMap): void {
    if (equal(this.configs.get(reference)?.inputs, inputs)) return;
    this.configs.set(reference, { packageName, inputs });
    const instance = this.instances.get(reference);
    if (instance === undefined) return;
    this.outdated.push(instance);
    this.instances.delete(reference);
  }

  packageOf(reference: string): string | undefined {
    return this.configs.get(reference)?.packageName;
  }

  inputsOf(reference: string): PropertyMap | undefined {
    return this.configs.get(reference)?.inputs;
  }

  get(reference: string, urn: string): Promise<Provider> {
    let instance = this.instances.get(reference);
    if (instance === undefined) {
      instance = this.configure(reference, urn);
      this.instances.set(reference, instance);
    }
    return instance;
  }

  /** A provider resource seen as a resource: its inputs are its state, and its id is drawn when it is created. */
  async resourceProvider(packageName: string, urn: string): Promise<Provider> {
    const factory = await this.factory(packageName, urn);
    return {
      check: async ({ inputs }): Promise<CheckResponse> => {
        const checked = await factory?.checkConfig(configOf(inputs));
        const kept = Object.fromEntries(
          bookkeeping.flatMap((key) => (key in inputs ? [[key, inputs[key] ?? null]] : [])),
        );
        return { inputs: { ...(checked?.inputs ?? inputs), ...kept }, failures: checked?.failures ?? [] };
      },
      diff: async ({ oldInputs, newInputs }) =>
        (await this.diffConfig(packageName, urn, oldInputs, newInputs)) ?? {
          changed: true,
          replaceKeys: [],
          detailed: {},
        },
      create: async ({ inputs, preview }) => ({ id: preview ? "" : randomUUID(), outputs: inputs }),
      update: async ({ inputs }) => ({ outputs: inputs }),
      read: async ({ id, inputs }) => ({ id, inputs, outputs: inputs }),
      delete: async () => undefined,
      invoke: async (token) => {
        throw new ProviderError(`${token} is not a function of a provider resource`);
      },
      close: async () => undefined,
    };
  }

  /** What a change of configuration means; `undefined` when the engine has no such provider (offline previews). */
  async diffConfig(
    packageName: string,
    urn: string,
    olds: PropertyMap,
    news: PropertyMap,
  ): Promise<DiffResponse | undefined> {
    const factory = await this.factory(packageName, urn);
    return factory?.diffConfig(configOf(olds), configOf(news));
  }

  /** Ends all instances; a failure to do so is only a warning. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(
      [...this.instances.values(), ...this.outdated].map(async (each) => (await each).close()),
    );
    this.instances.clear();
    for (const result of closed) {
      if (result.status === "rejected" && !(result.reason instanceof StepFailure)) {
        this.context.warn(undefined, `a provider did not close cleanly: ${String(result.reason)}`);
      }
    }
  }

  private async configure(reference: string, urn: string): Promise<Provider> {
    const config = this.configs.get(reference);
    if (config === undefined) {
      throw new StepFailure(`its provider '${reference}' is neither in the program nor in the state`, urn);
    }
    const factory = await this.factory(config.packageName, urn);
    return factory === undefined ? offlineProvider : factory.create(configOf(config.inputs), this.context);
  }

  private async factory(packageName: string, urn: string): Promise<ProviderFactory | undefined> {
    const factory = await this.load(packageName);
    if (factory === undefined && !this.context.offline) {
      throw new StepFailure(
        `the embedded engine has no provider '${packageName}' (it has ${this.available.join(", ")}); ` +
          "install the Pulumi CLI and run with --engine pulumi, or preview with --offline",
        urn,
      );
    }
    return factory;
  }
}
