import { changedPaths, parsePath } from "../paths";
import {
  type CheckRequest,
  type CreateRequest,
  type DeleteRequest,
  type DiffKind,
  type Provider,
  ProviderError,
  type ProviderFactory,
  type ReadRequest,
  type UpdateRequest,
} from "../provider";
import { hasUnknown, type PropertyMap, Secret, UNKNOWN } from "../values";

export interface FakeCall {
  readonly method: "check" | "diff" | "create" | "update" | "delete" | "read" | "invoke" | "configure";
  readonly name: string;
  readonly preview?: boolean;
  readonly inputs?: PropertyMap;
  readonly timeoutSeconds?: number;
}

/**
 * A provider over a map, told by inputs what to do: `fail` (text: creates and updates fail), `partial` (text: they fail, but the thing
 * exists), `immutable` (a change replaces), `named` (a change replaces, deleting first), `secretOutput` (comes back secret), `name` (drawn
 * when absent). Type `fake:m:Res`; outputs are the inputs, `id` and `stamp`.
 */
export class FakeProvider {
  readonly calls: FakeCall[] = [];
  readonly world = new Map<string, { urn: string; inputs: PropertyMap }>();
  /** Awaited in each change, to hold it up. */
  hold: (call: FakeCall) => Promise<void> | undefined = () => undefined;
  closed = 0;
  /** What `recover` finds: the id of a thing in the world, or nothing; without it the provider cannot tell. */
  recovers: string | undefined;
  private next = 1;

  /** Calls of one method, as the names of their resources. */
  names(method: FakeCall["method"], preview = false): string[] {
    return this.calls
      .filter((call) => call.method === method && (call.preview ?? false) === preview)
      .map(({ name }) => name);
  }

  readonly factory: ProviderFactory = {
    name: "fake",
    version: "1.0.0",
    checkConfig: async (inputs) => ({
      inputs,
      failures: "broken" in inputs ? [{ property: "broken", reason: "must be absent" }] : [],
    }),
    diffConfig: async (olds, news) => ({
      changed: changedPaths(olds, news).size > 0,
      replaceKeys: changedPaths(olds, news).has("cluster") ? ["cluster"] : [],
      detailed: Object.fromEntries(changedPaths(olds, news)),
    }),
    create: async (inputs) => {
      this.calls.push({ method: "configure", name: "", inputs });
      const id = this.recovers;
      return id === undefined ? this.provider : { ...this.provider, recover: async () => this.found(id) };
    },
  };

  private readonly provider: Provider = {
    check: async (request) => this.check(request),
    diff: async ({ urn, oldInputs, newInputs, preview }) => {
      this.calls.push({ method: "diff", name: nameIn(urn), preview });
      const changes = changedPaths(oldInputs, newInputs);
      const replaceKeys = [...changes.keys()].filter((key) =>
        ["immutable", "named"].includes(String(parsePath(key)[0])),
      );
      const detailed: Record<string, DiffKind> = {};
      for (const [key, kind] of changes) detailed[key] = replaceKeys.includes(key) ? `${kind}-replace` : kind;
      return { changed: changes.size > 0, replaceKeys, deleteBeforeReplace: replaceKeys.includes("named"), detailed };
    },
    create: async (request) => {
      await this.enter("create", request);
      const id = request.preview ? "" : `id-${this.next++}`;
      return { id, outputs: this.change(request, id) };
    },
    update: async (request: UpdateRequest) => {
      await this.enter("update", request);
      return { outputs: this.change(request, request.id) };
    },
    delete: async (request: DeleteRequest) => {
      await this.enter("delete", { ...request, preview: false });
      if (request.inputs.undeletable === true) throw new ProviderError("it cannot be deleted");
      this.world.delete(request.id);
    },
    read: async ({ id, urn }: ReadRequest) => {
      this.calls.push({ method: "read", name: nameIn(urn) });
      return this.found(id);
    },
    invoke: async (token, args) => {
      this.calls.push({ method: "invoke", name: token, inputs: args });
      if (token !== "fake:m:getThing") throw new ProviderError(`there is no function '${token}'`);
      return { result: `got ${String(args.key)}`, hidden: new Secret("hidden") };
    },
    close: async () => void this.closed++,
  };

  private check({ urn, name, inputs, oldInputs, randomSeed }: CheckRequest): {
    inputs: PropertyMap;
    failures: { property: string; reason: string }[];
  } {
    this.calls.push({ method: "check", name: nameIn(urn) });
    const named = inputs.name ?? oldInputs?.name ?? `${name}-${randomSeed.toString("hex").slice(0, 7)}`;
    const failures = inputs.invalid === undefined ? [] : [{ property: "invalid", reason: "must be absent" }];
    return { inputs: { ...inputs, name: named }, failures };
  }

  private async enter(
    method: "create" | "update" | "delete",
    request: (CreateRequest | DeleteRequest) & { preview: boolean },
  ): Promise<void> {
    const { urn, preview, inputs, timeoutSeconds } = request;
    const call: FakeCall = {
      method,
      name: nameIn(urn),
      preview,
      inputs,
      ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
    };
    this.calls.push(call);
    if (!preview) await this.hold(call);
  }

  private change({ inputs, urn, preview }: CreateRequest, id: string): PropertyMap {
    if (preview) return { ...inputs, stamp: UNKNOWN };
    if (hasUnknown(inputs)) throw new Error(`${urn} got an unknown value outside a preview`);
    if (typeof inputs.fail === "string") throw new ProviderError(inputs.fail);
    this.world.set(id, { urn, inputs });
    if (typeof inputs.partial === "string") {
      throw new ProviderError(inputs.partial, { id, outputs: this.outputsOf(inputs, id), reasons: [inputs.partial] });
    }
    return this.outputsOf(inputs, id);
  }

  private found(id: string): { id: string; inputs: PropertyMap; outputs: PropertyMap } | undefined {
    const found = this.world.get(id);
    return found === undefined ? undefined : { id, inputs: found.inputs, outputs: this.outputsOf(found.inputs, id) };
  }

  private outputsOf(inputs: PropertyMap, id: string): PropertyMap {
    return {
      ...inputs,
      stamp: `stamp of ${id}`,
      ...("secretOutput" in inputs ? { secretOutput: new Secret(inputs.secretOutput ?? null) } : {}),
    };
  }
}

const nameIn = (urn: string): string => urn.slice(urn.lastIndexOf("::") + 2);
