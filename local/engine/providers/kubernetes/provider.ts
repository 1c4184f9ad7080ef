import {
  type CheckRequest,
  type CheckResponse,
  type CreateRequest,
  type CreateResponse,
  type DeleteRequest,
  type DiffRequest,
  type DiffResponse,
  type Provider,
  type ReadRequest,
  type ReadResponse,
  type RecoverRequest,
  type UpdateRequest,
  type UpdateResponse,
} from "../../provider";
import { changedPaths } from "../../paths";
import { hasUnknown, type PropertyMap } from "../../values";
import { get, idOf, managersOf } from "./apply";
import { checkObject } from "./check";
import type { Cluster } from "./cluster";
import type { ProviderSettings } from "./config";
import { ApiError, UnreachableError } from "./connection/errors";
import { detail, pathsRefused, replacePaths, type Changes } from "./immutable";
import { invoke } from "./invoke";
import { parseType, type TypeToken } from "./kinds";
import { FIELD_MANAGER, inputsBroughtToLive, inputsOfLive, outputsOf } from "./live";
import { isAutonamed } from "./naming";
import { toJsonMap, withoutNulls } from "./object";
import { previewCreate, previewUpdate } from "./preview";
import {
  becomeReady,
  change,
  describe,
  explained,
  forced,
  make,
  managerFor,
  remove,
  targetById,
  targetOf,
} from "./writes";

/** Kinds whose fixed fields are all known here, so that no dry run is needed to find more. */
const wellKnown = new Set([
  "v1/ConfigMap",
  "v1/Secret",
  "v1/Namespace",
  "v1/ServiceAccount",
  "apps/v1/Deployment",
  "apps/v1/StatefulSet",
  "apps/v1/DaemonSet",
]);

/** The `kubernetes` package by server-side apply, for one cluster. */
export class KubernetesProvider implements Provider {
  constructor(
    private readonly cluster: Cluster,
    private readonly settings: ProviderSettings,
  ) {}

  async check(request: CheckRequest): Promise<CheckResponse> {
    return await checkObject(request, this.cluster);
  }

  async diff(request: DiffRequest): Promise<DiffResponse> {
    const { oldOutputs } = request;
    const [oldInputs, newInputs] = [request.oldInputs, request.newInputs].map(
      (map) => withoutNulls(map) as PropertyMap,
    ) as [PropertyMap, PropertyMap];
    const changes = Object.fromEntries(changedPaths(oldInputs, newInputs));
    if (Object.keys(changes).length === 0) return { changed: false, replaceKeys: [], detailed: {} };
    const token = parseType(request.type, newInputs);
    const { apiVersion, kind } = token;
    const { enableConfigMapMutable: configMapMutable, enableSecretMutable: secretMutable } = this.settings;
    const replaceKeys = token.patch
      ? Object.keys(changes).filter((path) => path === "metadata.name" || path === "metadata.namespace")
      : replacePaths({ apiVersion, kind, oldInputs, oldOutputs, newInputs, changes, configMapMutable, secretMutable });
    if (replaceKeys.length === 0 && !wellKnown.has(`${apiVersion}/${kind}`)) {
      replaceKeys.push(...(await this.#refusedByServer(request, token, changes)));
    }
    const sameName = !("metadata.name" in changes) && !("metadata.namespace" in changes);
    return {
      changed: true,
      replaceKeys,
      deleteBeforeReplace: replaceKeys.length > 0 && !isAutonamed(newInputs) && sameName,
      detailed: detail(changes, replaceKeys),
    };
  }

  /** Asks by a dry run which of the changed fields are fixed: this serves kinds that we know nothing of. */
  async #refusedByServer(request: DiffRequest, token: TypeToken, changes: Changes): Promise<string[]> {
    if (hasUnknown(request.newInputs)) return [];
    const refused = await this.cluster.ifReachable(async () => {
      if ((await this.cluster.parts().discovery.find(token.apiVersion, token.kind)) === undefined) return [];
      try {
        await change(request, request.newInputs, token, true, this.cluster, this.settings);
        return [];
      } catch (error) {
        // Anything but "this field is fixed" is for the update itself to report.
        if (error instanceof ApiError) return pathsRefused(error, changes);
        throw error;
      }
    });
    return refused ?? [];
  }

  async create(request: CreateRequest): Promise<CreateResponse> {
    const token = parseType(request.type, request.inputs);
    if (request.preview) {
      return { id: "", outputs: await previewCreate(request, token, this.cluster, this.settings) };
    }
    return await explained(`creating ${describe(request.inputs, token)}`, async () => {
      const around = this.cluster.surroundings(request.urn);
      const inputs = toJsonMap(request.inputs);
      const target = targetOf(await this.cluster.served(token.apiVersion, token.kind, request.urn), inputs);
      const manager = managerFor(request.urn, inputs);
      const options = { patch: token.patch, manager, force: forced(inputs, this.settings) };
      const object = await make(target, inputs, options, around);
      return { id: idOf(target), outputs: await becomeReady({ object, target, manager }, token, request, around) };
    });
  }

  async update(request: UpdateRequest): Promise<UpdateResponse> {
    const token = parseType(request.type, request.inputs);
    if (request.preview) return { outputs: await previewUpdate(request, token, this.cluster, this.settings) };
    const action = `updating ${describe(request.inputs, token)}`;
    return await explained(action, async () => {
      const around = this.cluster.surroundings(request.urn);
      try {
        const written = await change(request, request.inputs, token, false, this.cluster, this.settings);
        return { outputs: await becomeReady(written, token, request, around) };
      } catch (error) {
        if (!(error instanceof UnreachableError) || !this.settings.skipUpdateUnreachable) throw error;
        this.cluster.warnOnce(`${action}: skipped (skipUpdateUnreachable): ${error.message}`, request.urn);
        return { outputs: request.oldOutputs };
      }
    });
  }

  async read(request: ReadRequest): Promise<ReadResponse | undefined> {
    const token = parseType(request.type, request.inputs);
    return await explained(`reading ${token.kind} ${request.id}`, async () => {
      const { client, discovery } = this.cluster.parts();
      const served = await discovery.find(token.apiVersion, token.kind);
      if (served === undefined) return undefined;
      const target = targetById(served, request.id, this.cluster.defaultNamespace);
      const live = await get(client, target);
      if (live === undefined) return undefined;
      const manager = managerFor(request.urn, live, request.outputs[FIELD_MANAGER]);
      const inputs =
        Object.keys(request.inputs).length === 0 ? inputsOfLive(live) : inputsBroughtToLive(request.inputs, live);
      return { id: idOf(target), inputs, outputs: outputsOf(live, manager, token.apiVersion) };
    });
  }

  /** What this resource's own manager has applied under the name that the interrupted creation was given. */
  async recover({ urn, type, inputs: wanted }: RecoverRequest): Promise<ReadResponse | undefined> {
    const token = parseType(type, wanted);
    if (token.patch) return undefined;
    return await explained(`looking for ${describe(wanted, token)}`, async () => {
      const { client, discovery } = this.cluster.parts();
      if ((await discovery.find(token.apiVersion, token.kind)) === undefined) return undefined;
      const inputs = toJsonMap(wanted);
      const target = targetOf(await this.cluster.served(token.apiVersion, token.kind, urn), inputs);
      const manager = managerFor(urn, inputs);
      const live = await get(client, target);
      if (live === undefined || !managersOf(live).includes(manager)) return undefined;
      return { id: idOf(target), inputs: wanted, outputs: outputsOf(live, manager, token.apiVersion) };
    });
  }

  async delete(request: DeleteRequest): Promise<void> {
    const token = parseType(request.type, request.inputs);
    await explained(`deleting ${token.kind} ${request.id}`, async () => {
      try {
        await remove(request, token, this.cluster);
      } catch (error) {
        if (!(error instanceof UnreachableError) || !this.settings.deleteUnreachable) throw error;
        this.cluster.warnOnce(`${error.message}; removed from the state all the same (deleteUnreachable)`, request.urn);
      }
    });
  }

  async invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
    return await invoke(token, args);
  }

  async close(): Promise<void> {
    this.cluster.close();
  }
}
