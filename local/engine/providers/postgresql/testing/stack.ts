import type { CreateResponse, Provider, ProviderContext, ReadResponse } from "../../../provider";
import { type PropertyMap, revealSecrets } from "../../../values";
import { factory } from "..";

/** A resource as the engine would keep it: what the last operation on it left behind, secrets revealed. */
export interface Kept {
  type: string;
  id: string;
  inputs: PropertyMap;
  outputs: PropertyMap;
}

const plain = (properties: PropertyMap): PropertyMap => revealSecrets(properties) as PropertyMap;

/** Drives a provider as the engine does, without the engine. */
export class Stack {
  private constructor(readonly provider: Provider) {}

  static async open(config: PropertyMap, context: Partial<ProviderContext> = {}): Promise<Stack> {
    const { inputs, failures } = await factory.checkConfig(config);
    if (failures.length > 0)
      throw new Error(failures.map(({ property, reason }) => `${property}: ${reason}`).join("\n"));
    const whole = {
      status: () => undefined,
      warn: () => undefined,
      offline: false,
      signal: new AbortController().signal,
    };
    return new Stack(await factory.create(inputs, { ...whole, ...context }));
  }

  /** `Role` becomes `postgresql:index/role:Role`. */
  static type(kind: string): string {
    return `postgresql:index/${kind[0]?.toLowerCase()}${kind.slice(1)}:${kind}`;
  }

  async check(kind: string, inputs: PropertyMap, oldInputs?: PropertyMap): Promise<PropertyMap> {
    const request = { urn: "urn", type: Stack.type(kind), name: "logical", inputs, randomSeed: Buffer.alloc(32, 0xab) };
    const checked = await this.provider.check(oldInputs ? { ...request, oldInputs } : request);
    if (checked.failures.length > 0) {
      throw new Error(checked.failures.map(({ property, reason }) => `${property}: ${reason}`).join("\n"));
    }
    return checked.inputs;
  }

  async create(kind: string, raw: PropertyMap): Promise<Kept> {
    const type = Stack.type(kind);
    const inputs = await this.check(kind, raw);
    const { id, outputs } = await this.provider.create({ urn: "urn", type, inputs, preview: false });
    return { type, id, inputs, outputs: plain(outputs) };
  }

  async preview(kind: string, raw: PropertyMap): Promise<CreateResponse> {
    const inputs = await this.check(kind, raw);
    return this.provider.create({ urn: "urn", type: Stack.type(kind), inputs, preview: true });
  }

  async diff(kept: Kept, raw: PropertyMap) {
    const newInputs = await this.check(kept.type.split(":")[2] ?? "", raw, kept.inputs);
    const { type, id, inputs: oldInputs, outputs: oldOutputs } = kept;
    return this.provider.diff({
      urn: "urn",
      id,
      type,
      oldInputs,
      oldOutputs,
      newInputs,
      ignoreChanges: [],
      preview: false,
    });
  }

  /** Updates in place, and says what the diff had found. */
  async update(kept: Kept, raw: PropertyMap): Promise<string[]> {
    const { detailed } = await this.diff(kept, raw);
    const inputs = await this.check(kept.type.split(":")[2] ?? "", raw, kept.inputs);
    const { type, id, inputs: oldInputs, outputs: oldOutputs } = kept;
    const request = { urn: "urn", id, type, inputs, oldInputs, oldOutputs, ignoreChanges: [], preview: false };
    const { outputs } = await this.provider.update(request);
    kept.inputs = inputs;
    kept.outputs = plain(outputs);
    return Object.keys(detailed).sort();
  }

  read(kept: Pick<Kept, "type" | "id"> & Partial<Kept>): Promise<ReadResponse | undefined> {
    const { type, id, inputs = {}, outputs = {} } = kept;
    return this.provider.read({ urn: "urn", type, id, inputs, outputs });
  }

  /** As `refresh` does: the state becomes what is live. Says whether it exists. */
  async refresh(kept: Kept): Promise<boolean> {
    const live = await this.read(kept);
    if (!live) return false;
    kept.id = live.id;
    kept.inputs = plain(live.inputs);
    kept.outputs = plain(live.outputs);
    return true;
  }

  async delete({ type, id, inputs, outputs }: Kept): Promise<void> {
    await this.provider.delete({ urn: "urn", type, id, inputs, outputs });
  }

  close(): Promise<void> {
    return this.provider.close();
  }
}
