import { version } from "@pulumi/random/package.json";
import {
  type CheckRequest,
  type CheckResponse,
  type CreateRequest,
  type CreateResponse,
  type DiffRequest,
  type DiffResponse,
  type Provider,
  ProviderError,
  type ProviderFactory,
  type ReadRequest,
  type ReadResponse,
  type UpdateRequest,
  type UpdateResponse,
} from "../../provider";
import { type PropertyMap, UNKNOWN } from "../../values";
import { checkInputs, diffInputs, withDefaults } from "../schema";
import { type Kind, kinds } from "./kinds";

function kindOf(type: string): Kind {
  const kind = kinds[type];
  if (kind) return kind;
  throw new ProviderError(`the random provider has no type ${type}; it has ${Object.keys(kinds).join(", ")}`);
}

/** `number` is the old name of `numeric`; whichever is given counts for both. */
function effective(kind: Kind, inputs: PropertyMap): PropertyMap {
  const numeric = inputs.numeric ?? inputs.number;
  const both = "numeric" in kind.schema && numeric !== undefined ? { ...inputs, number: numeric, numeric } : inputs;
  return withDefaults(kind.schema, both);
}

function outputsOf(kind: Kind, id: string | undefined, inputs: PropertyMap, generated: PropertyMap): PropertyMap {
  const outputs: PropertyMap = { ...effective(kind, inputs), ...generated };
  if (kind.stateVersion !== undefined) outputs.__meta = JSON.stringify({ schema_version: String(kind.stateVersion) });
  if (id !== undefined) outputs.id = id;
  return outputs;
}

const provider: Provider = {
  async check(request: CheckRequest): Promise<CheckResponse> {
    const kind = kindOf(request.type);
    const { inputs, failures } = checkInputs(kind.schema, request.inputs);
    if (failures.length > 0) return { inputs, failures };
    if (inputs.number !== undefined && inputs.numeric !== undefined && inputs.number !== inputs.numeric) {
      return {
        inputs,
        failures: [{ property: "number", reason: "is the old name of numeric; the two must not differ" }],
      };
    }
    const failure = kind.validate?.(effective(kind, inputs));
    return { inputs, failures: failure ? [failure] : [] };
  },

  async diff(request: DiffRequest): Promise<DiffResponse> {
    const kind = kindOf(request.type);
    return diffInputs(kind.schema, effective(kind, request.oldInputs), effective(kind, request.newInputs));
  },

  async create({ type, inputs, preview }: CreateRequest): Promise<CreateResponse> {
    const kind = kindOf(type);
    if (preview) {
      const unknown = Object.fromEntries(kind.outputs.map((name) => [name, UNKNOWN]));
      return { id: "", outputs: outputsOf(kind, undefined, inputs, unknown) };
    }
    const { id, outputs } = kind.generate(effective(kind, inputs));
    return { id, outputs: outputsOf(kind, id, inputs, outputs) };
  },

  /** Nothing random exists outside the state. */
  recover: async () => undefined,

  async read({ type, id, inputs, outputs }: ReadRequest): Promise<ReadResponse | undefined> {
    const kind = kindOf(type);
    // A random value lives in state only, so what state says is how it is.
    if (kind.outputs.every((name) => outputs[name] !== undefined) && Object.keys(outputs).length > 0) {
      return { id, inputs, outputs };
    }
    if (!kind.adopt)
      throw new ProviderError(`${type} cannot be imported or read by id: its value stands only in state`);
    const adopted = kind.adopt(id);
    return {
      id: adopted.id,
      inputs: adopted.inputs,
      outputs: outputsOf(kind, adopted.id, adopted.inputs, adopted.outputs),
    };
  },

  async update({ type, id, inputs, oldOutputs }: UpdateRequest): Promise<UpdateResponse> {
    const kind = kindOf(type);
    const generated = Object.fromEntries(kind.outputs.map((name) => [name, oldOutputs[name] ?? UNKNOWN]));
    return { outputs: outputsOf(kind, id, inputs, generated) };
  },

  async delete(): Promise<void> {},

  async invoke(token: string): Promise<PropertyMap> {
    throw new ProviderError(`the random provider has no function ${token}`);
  },

  async close(): Promise<void> {},
};

export const factory: ProviderFactory = {
  name: "random",
  version,
  checkConfig: async (inputs) => checkInputs({}, withoutVersion(inputs)),
  diffConfig: async () => ({ changed: false, replaceKeys: [], detailed: {} }),
  create: async () => provider,
};

/** The engine records a provider's version among its inputs, as the CLI does. */
function withoutVersion({ version: _version, ...rest }: PropertyMap): PropertyMap {
  return rest;
}
