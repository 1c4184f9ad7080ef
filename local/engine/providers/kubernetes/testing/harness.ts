import { randomBytes } from "node:crypto";
import type { Context } from "mocha";

import { skip } from "../../../../../cli/testing/skip";
import type { Provider, ProviderContext } from "../../../provider";
import type { PropertyMap } from "../../../values";
import { factory } from "../index";

/**
 * A real API server: that of `BALLAST_TEST_KUBECONFIG` when it is set (enough for tests that run no pods), else the shared test cluster's.
 * Skips the suite of the calling hook where no cluster can be.
 */
export async function testKubeconfig(hook: Context): Promise<string> {
  const given = process.env["BALLAST_TEST_KUBECONFIG"];
  if (given !== undefined && given !== "") return given;
  // Loaded only when needed: they bring the whole of local/cluster.
  const { hostUnfit } = await import("../../../../cluster/index.js");
  const unfit = hostUnfit();
  if (unfit !== undefined) skip(hook, unfit);
  const { sharedCluster } = await import("../../../../cluster/testing.js");
  return (await sharedCluster()).kubeconfig;
}

export interface Recorded extends ProviderContext {
  readonly statuses: string[];
  readonly warnings: string[];
}

export function recordingContext(signal: AbortSignal = new AbortController().signal, offline = false): Recorded {
  const [statuses, warnings]: [string[], string[]] = [[], []];
  return {
    statuses,
    warnings,
    status: (_urn, message) => void statuses.push(message),
    warn: (_urn, message) => void warnings.push(message),
    offline,
    signal,
  };
}

/** A resource as the engine would hold it between operations. */
export interface Held {
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

/** Plays the engine's part for one resource: check, then the operation, with the state carried along. */
export class Resource {
  readonly urn: string;
  held?: Held;

  constructor(
    private readonly provider: Provider,
    readonly type: string,
    readonly name: string,
    stack = "test",
  ) {
    this.urn = `urn:pulumi:${stack}::kubernetes-tests::${type}::${name}`;
  }

  async check(inputs: PropertyMap): Promise<PropertyMap> {
    const { inputs: checked, failures } = await this.provider.check({
      urn: this.urn,
      type: this.type,
      name: this.name,
      inputs,
      randomSeed: randomBytes(32),
      ...(this.held === undefined ? {} : { oldInputs: this.held.inputs }),
    });
    if (failures.length > 0)
      throw new Error(failures.map(({ property, reason }) => `${property}: ${reason}`).join("; "));
    return checked;
  }

  async create(given: PropertyMap, timeoutSeconds?: number): Promise<Held> {
    const inputs = await this.check(given);
    const created = await this.provider.create({
      urn: this.urn,
      type: this.type,
      inputs,
      preview: false,
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    });
    this.held = { ...created, inputs };
    return this.held;
  }

  async preview(given: PropertyMap): Promise<PropertyMap> {
    const inputs = await this.check(given);
    return (await this.provider.create({ urn: this.urn, type: this.type, inputs, preview: true })).outputs;
  }

  #old(): Held {
    if (this.held === undefined) throw new Error(`${this.name} was not created`);
    return this.held;
  }

  async diff(given: PropertyMap, preview = false): ReturnType<Provider["diff"]> {
    const old = this.#old();
    return await this.provider.diff({
      urn: this.urn,
      id: old.id,
      type: this.type,
      oldInputs: old.inputs,
      oldOutputs: old.outputs,
      newInputs: await this.check(given),
      ignoreChanges: [],
      preview,
    });
  }

  async update(
    given: PropertyMap,
    options: { timeoutSeconds?: number; ignoreChanges?: readonly string[]; preview?: boolean } = {},
  ): Promise<PropertyMap> {
    const old = this.#old();
    const inputs = await this.check(given);
    const { outputs } = await this.provider.update({
      urn: this.urn,
      id: old.id,
      type: this.type,
      oldInputs: old.inputs,
      oldOutputs: old.outputs,
      inputs,
      ignoreChanges: options.ignoreChanges ?? [],
      preview: options.preview ?? false,
      ...(options.timeoutSeconds === undefined ? {} : { timeoutSeconds: options.timeoutSeconds }),
    });
    if (options.preview !== true) this.held = { id: old.id, inputs, outputs };
    return outputs;
  }

  async read(): ReturnType<Provider["read"]> {
    const { id, inputs, outputs } = this.#old();
    return await this.provider.read({ urn: this.urn, type: this.type, id, inputs, outputs });
  }

  async delete(timeoutSeconds?: number): Promise<void> {
    const { id, inputs, outputs } = this.#old();
    const limit = timeoutSeconds === undefined ? {} : { timeoutSeconds };
    await this.provider.delete({ urn: this.urn, type: this.type, id, inputs, outputs, ...limit });
  }
}

/** A provider for a kubeconfig (path or text) and a namespace of its own in that cluster; `end` removes both. */
export async function bench(kubeconfig: string): Promise<{
  provider: Provider;
  context: Recorded;
  namespace: string;
  resource: (type: string, name: string) => Resource;
  end: () => Promise<void>;
}> {
  const context = recordingContext();
  const name = `provider-test-${randomBytes(4).toString("hex")}`;
  const provider = await factory.create({ kubeconfig, namespace: name }, context);
  const namespace = new Resource(provider, "kubernetes:core/v1:Namespace", name);
  await namespace.create({ metadata: { name } });
  return {
    provider,
    context,
    namespace: name,
    resource: (type, logicalName) => new Resource(provider, type, logicalName),
    end: async () => {
      await namespace.delete();
      await provider.close();
    },
  };
}
