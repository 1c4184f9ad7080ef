import { AsyncLocalStorage } from "node:async_hooks";
import { version } from "@pulumi/postgresql/package.json";
import { DatabaseError } from "pg";
import {
  type CheckRequest,
  type CheckResponse,
  type CreateRequest,
  type CreateResponse,
  type DeleteRequest,
  type DiffRequest,
  type DiffResponse,
  type Provider,
  type ProviderContext,
  ProviderError,
  type ProviderFactory,
  type ReadRequest,
  type ReadResponse,
  type RecoverRequest,
  type UpdateRequest,
  type UpdateResponse,
} from "../../provider";
import { hasUnknown, type PropertyMap, Secret, UNKNOWN } from "../../values";
import { checkInputs, diffInputs, type Schema, withDefaults } from "../schema";
import { database } from "./database";
import { defaultPrivileges } from "./default-privileges";
import { extension } from "./extension";
import { grant } from "./grant";
import { grantRole } from "./grant-role";
import type { Resource } from "./resource";
import { role } from "./role";
import { schemas } from "./schemas";
import { Server, UnavailableError } from "./server";
import { checkConfig, resolveSettings } from "./settings";

const resources: Readonly<Record<string, Resource>> = {
  "postgresql:index/role:Role": role,
  "postgresql:index/database:Database": database,
  "postgresql:index/schema:Schema": schemas,
  "postgresql:index/extension:Extension": extension,
  "postgresql:index/grant:Grant": grant,
  "postgresql:index/grantRole:GrantRole": grantRole,
  "postgresql:index/defaultPrivileges:DefaultPrivileges": defaultPrivileges,
};

function resourceOf(type: string): Resource {
  const resource = resources[type];
  if (resource) return resource;
  throw new ProviderError(
    `the embedded engine's postgresql provider has no type ${type} (it has ${Object.keys(resources).join(", ")}); use the Pulumi CLI`,
  );
}

/** Hidden wherever they stand, also in what is read from the server. */
const SECRETS = ["password", "passwordWo"];

function sealed(properties: PropertyMap): PropertyMap {
  const seal = (key: string, value: PropertyMap[string]): PropertyMap[string] =>
    SECRETS.includes(key) && !(value instanceof Secret) ? new Secret(value) : value;
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, seal(key, value)]));
}

/** What is stored as outputs. A write-only password is not; what only the server can tell is unknown before it has. */
function outputsOf(schema: Schema, inputs: PropertyMap, live: PropertyMap | undefined): PropertyMap {
  const outputs = { ...withDefaults(schema, inputs), ...live };
  delete outputs.passwordWo;
  for (const [key, spec] of Object.entries(schema)) {
    if (spec.computed && outputs[key] === undefined && key !== "policies") outputs[key] = UNKNOWN;
  }
  return sealed(outputs);
}

/** The resource that is being worked on, for what is told of it meanwhile. */
const subject = new AsyncLocalStorage<string>();

class PostgresProvider implements Provider {
  constructor(
    private readonly server: Server | undefined,
    private readonly offline: boolean,
  ) {}

  async check({ type, name, oldInputs, inputs: raw, randomSeed }: CheckRequest): Promise<CheckResponse> {
    const resource = resourceOf(type);
    const { inputs, failures } = checkInputs(resource.schema, raw);
    if (failures.length > 0) return { inputs, failures };
    if (inputs.name === "") return { inputs, failures: [{ property: "name", reason: "must not be empty" }] };
    if (resource.autoName && inputs.name === undefined) {
      const before = oldInputs?.__defaults;
      const kept = Array.isArray(before) && before.includes("name") ? oldInputs?.name : undefined;
      inputs.name = kept ?? `${name}-${randomSeed.toString("hex").slice(0, 7)}`;
      inputs.__defaults = ["name"];
    }
    const failure = resource.validate?.(inputs);
    return { inputs, failures: failure ? [failure] : [] };
  }

  async diff({ type, oldInputs, newInputs }: DiffRequest): Promise<DiffResponse> {
    const { schema, unwatched = [] } = resourceOf(type);
    const watched = (inputs: PropertyMap): PropertyMap =>
      Object.fromEntries(Object.entries(inputs).filter(([key]) => !unwatched.includes(key)));
    return diffInputs(schema, watched(oldInputs), watched(newInputs));
  }

  async create({ urn, type, inputs, preview }: CreateRequest): Promise<CreateResponse> {
    const resource = resourceOf(type);
    if (preview) return { id: "", outputs: outputsOf(resource.schema, inputs, undefined) };
    const server = this.connected();
    const news = withDefaults(resource.schema, inputs);
    return this.told(urn, `create ${describe(type, news)}`, async () => {
      await resource.create(server, news);
      const live = await resource.read(server, news);
      return { id: resource.id(news, server), outputs: outputsOf(resource.schema, inputs, live) };
    });
  }

  async read({ urn, type, id, inputs, outputs }: ReadRequest): Promise<ReadResponse | undefined> {
    const resource = resourceOf(type);
    const { schema } = resource;
    const fresh = Object.keys(inputs).length === 0 && Object.keys(outputs).length === 0;
    if (fresh && !resource.parseId) {
      throw new ProviderError(
        `${type} "${id}" cannot be imported or read by id: declare it, and up makes it as declared`,
      );
    }
    const server = this.server;
    if (!server || this.offline) return { id, inputs, outputs };
    return this.told(urn, `read ${type} "${id}"`, async () => {
      const identity = fresh ? (resource.parseId?.(id) ?? {}) : {};
      // A renamed resource that another run renamed back is found by its id, not by what the program calls it.
      const named = !fresh && resource.parseId ? resource.parseId(id) : {};
      const known = { ...withDefaults(schema, { ...outputs, ...inputs }), ...identity, ...named };
      const live = await resource.read(server, known);
      if (!live) return undefined;
      return {
        id: resource.id({ ...known, ...live }, server),
        inputs: sealed(liveInputs(schema, { ...inputs, ...identity }, live)),
        outputs: outputsOf(schema, { ...outputs, ...inputs }, live),
      };
    });
  }

  /** What stands under the name that the interrupted creation was given, as far as that came with it. */
  async recover({ urn, type, inputs }: RecoverRequest): Promise<ReadResponse | undefined> {
    const resource = resourceOf(type);
    const { schema } = resource;
    const server = this.connected();
    const wanted = withDefaults(schema, inputs);
    return this.told(urn, `look for ${describe(type, wanted)}`, async () => {
      const live = await resource.read(server, wanted);
      if (!live) return undefined;
      return {
        id: resource.id({ ...wanted, ...live }, server),
        inputs: sealed(liveInputs(schema, inputs, live)),
        outputs: outputsOf(schema, inputs, live),
      };
    });
  }

  async update({ urn, type, inputs, oldInputs, oldOutputs, preview }: UpdateRequest): Promise<UpdateResponse> {
    const resource = resourceOf(type);
    const { schema } = resource;
    if (preview) return { outputs: outputsOf(schema, { ...computedOf(schema, oldOutputs), ...inputs }, undefined) };
    const server = this.connected();
    const news = withDefaults(schema, inputs);
    return this.told(urn, `update ${describe(type, news)}`, async () => {
      await resource.update(server, withDefaults(schema, oldInputs), news);
      const live = await resource.read(server, { ...computedOf(schema, oldOutputs), ...news });
      return { outputs: outputsOf(schema, inputs, live) };
    });
  }

  async delete({ urn, type, inputs, outputs }: DeleteRequest): Promise<void> {
    const resource = resourceOf(type);
    const server = this.connected();
    const known = withDefaults(resource.schema, { ...outputs, ...inputs });
    await this.told(urn, `delete ${describe(type, known)}`, () => resource.delete(server, known));
  }

  async invoke(token: string): Promise<PropertyMap> {
    throw new ProviderError(`the embedded engine's postgresql provider has no function ${token}; use the Pulumi CLI`);
  }

  async close(): Promise<void> {
    await this.server?.close();
  }

  private connected(): Server {
    if (this.server) return this.server;
    throw new ProviderError("the postgresql provider's settings are not known yet, so it cannot connect");
  }

  /** Runs `work`; what goes wrong is told with what was being done, where, and what the server adds to it. */
  private async told<T>(urn: string, action: string, work: () => Promise<T>): Promise<T> {
    try {
      return await subject.run(urn, work);
    } catch (error) {
      if (error instanceof ProviderError) throw error;
      if (error instanceof DatabaseError)
        throw new ProviderError(`cannot ${action}: ${serverMessage(error, this.server)}`);
      if (error instanceof UnavailableError) throw new ProviderError(`cannot ${action}: ${error.message}`);
      if (error instanceof Error && error.name === "AbortError")
        throw new ProviderError(`cannot ${action}: the run was interrupted`);
      throw error instanceof Error ? new ProviderError(`cannot ${action}: ${error.message}`) : error;
    }
  }
}

/** The server's message, detail and hint; never the statement. */
function serverMessage(error: DatabaseError, server: Server | undefined): string {
  const { host, port, username } = server?.settings ?? { host: "?", port: "?", username: "?" };
  const parts = [error.message, error.detail, error.hint].filter((part) => part !== undefined && part !== "");
  return `${parts.join("; ")} (PostgreSQL at ${host}:${port}, user "${username}", SQLSTATE ${error.code})`;
}

/** `Role "app"`. */
function describe(type: string, properties: PropertyMap): string {
  const name = properties.name ?? properties.role;
  const kind = type.slice(type.lastIndexOf(":") + 1);
  return typeof name === "string" ? `${kind} ${properties.name === undefined ? "of " : ""}"${name}"` : kind;
}

const computedOf = (schema: Schema, outputs: PropertyMap): PropertyMap =>
  Object.fromEntries(Object.entries(outputs).filter(([key]) => schema[key]?.computed));

/** The inputs that would declare what is live: those given, brought up to date, and whatever differs from its default. */
function liveInputs(schema: Schema, inputs: PropertyMap, live: PropertyMap): PropertyMap {
  const { changed, detailed } = diffInputs(schema, inputs, { ...inputs, ...live });
  if (!changed) return inputs;
  const result: PropertyMap = { ...inputs };
  for (const [key, value] of Object.entries(live)) {
    const spec = schema[key];
    if (!spec || !Object.keys(detailed).some((path) => path === key || path.startsWith(`${key}.`))) continue;
    if (inputs[key] === undefined && (spec.computed || value === spec.default || isNothing(value))) continue;
    result[key] = value;
  }
  return result;
}

const isNothing = (value: PropertyMap[string]): boolean =>
  value === "" || value === 0 || value === null || (Array.isArray(value) && value.length === 0);

export const factory: ProviderFactory = {
  name: "postgresql",
  version,
  checkConfig: async (inputs) => checkConfig(inputs),
  // A server that moved is the same server: nothing on it is replaced for that.
  diffConfig: async (olds, news) => ({
    changed: JSON.stringify(olds) !== JSON.stringify(news),
    replaceKeys: [],
    detailed: {},
  }),
  async create(inputs: PropertyMap, context: ProviderContext): Promise<Provider> {
    const settings = hasUnknown(inputs) ? undefined : resolveSettings(inputs);
    const onWait = (reason: string): void => {
      const urn = subject.getStore();
      if (urn !== undefined) context.status(urn, reason);
    };
    return new PostgresProvider(settings && new Server(settings, context.signal, onWait), context.offline);
  },
};
