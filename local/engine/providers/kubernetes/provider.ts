import {
  ProviderError,
  type CheckFailure,
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
  type UpdateRequest,
  type UpdateResponse,
} from "../../provider";
import { hasUnknown, isMap, type PropertyMap } from "../../values";
import { apply, bodyOf, get, idOf, managersOf, nameConflict, pathTo, type Target } from "./apply";
import {
  awaitGone,
  awaitReady,
  DEFAULT_TIMEOUT,
  NotReady,
  SKIP_AWAIT,
  TIMEOUT,
  type Surroundings,
} from "./await/await";
import type { Cluster } from "./cluster";
import type { ProviderSettings } from "./config";
import { ApiError, explain, UnreachableError } from "./connection/errors";
import { changesBetween, detail, type Changes } from "./diff";
import { withoutIgnored } from "./ignore";
import { pathsRefused, replacePaths } from "./immutable";
import { invoke } from "./invoke";
import { parseType, type TypeToken } from "./kinds";
import { FIELD_MANAGER, inputsBroughtToLive, inputsOfLive, outputsOf, previewOutputs } from "./live";
import { assignName, fieldManager, isAutonamed } from "./naming";
import { annotation, isUnknown, label, nameOf, text, toJsonMap, without, withoutNulls, type JsonMap } from "./object";

export const PATCH_FORCE = "pulumi.com/patchForce";
const PATCH_MANAGER = "pulumi.com/patchFieldManager";
const PROPAGATION = "pulumi.com/deletionPropagationPolicy";
const propagations: Readonly<Record<string, string>> = {
  background: "Background",
  foreground: "Foreground",
  orphan: "Orphan",
};

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
    const inputs = withoutNulls(request.inputs) as PropertyMap;
    const token = parseType(request.type, inputs);
    const refusal = unsupported(request.type, token);
    if (refusal !== undefined) return { inputs, failures: [refusal] };
    const failures: CheckFailure[] = [];
    for (const [key, expected] of [
      ["apiVersion", token.apiVersion],
      ["kind", token.kind],
    ] as const) {
      if (expected === "") failures.push({ property: key, reason: "is required" });
      const given = inputs[key];
      if (given !== undefined && typeof given !== "string" && !isUnknown(given))
        failures.push({ property: key, reason: `must be text, is ${JSON.stringify(given)}` });
    }
    const given = inputs["metadata"] ?? {};
    if (isUnknown(given)) return { inputs, failures };
    if (!isMap(given))
      return {
        inputs,
        failures: [...failures, { property: "metadata", reason: `must be a map, is ${JSON.stringify(given)}` }],
      };
    failures.push(...annotationFailures(given));

    const oldMetadata = request.oldInputs?.["metadata"];
    let metadata: PropertyMap = given;
    if (!token.patch) {
      const named = assignName(
        request.name,
        given,
        oldMetadata !== undefined && isMap(oldMetadata) ? oldMetadata : undefined,
        request.randomSeed,
      );
      metadata = named.metadata;
      failures.push(...named.failures);
    } else if (given["name"] === undefined || given["name"] === "") {
      failures.push({ property: "metadata.name", reason: "is required: a patch changes an existing object" });
    }
    metadata = await this.#inNamespace(metadata, token);
    return {
      inputs: {
        ...inputs,
        apiVersion: inputs["apiVersion"] ?? token.apiVersion,
        kind: inputs["kind"] ?? token.kind,
        metadata,
      },
      failures,
    };
  }

  async #inNamespace(metadata: PropertyMap, token: TypeToken): Promise<PropertyMap> {
    if (!(await this.cluster.namespaced(token.apiVersion, token.kind))) {
      return without(metadata, "namespace");
    }
    const namespace = metadata["namespace"];
    return namespace === undefined || namespace === ""
      ? { ...metadata, namespace: this.cluster.defaultNamespace }
      : metadata;
  }

  async diff(request: DiffRequest): Promise<DiffResponse> {
    const { oldInputs, newInputs, oldOutputs } = request;
    const changes = changesBetween(withoutNulls(oldInputs), withoutNulls(newInputs));
    if (Object.keys(changes).length === 0) return { changed: false, replaceKeys: [], detailed: {} };
    const token = parseType(request.type, newInputs);
    const replaceKeys = replacePaths({
      apiVersion: token.apiVersion,
      kind: token.kind,
      oldInputs,
      oldOutputs,
      newInputs,
      changes,
      configMapMutable: this.settings.enableConfigMapMutable,
      secretMutable: this.settings.enableSecretMutable,
    });
    if (replaceKeys.length === 0 && !wellKnown.has(`${token.apiVersion}/${token.kind}`)) {
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

  async #refusedByServer(request: DiffRequest, token: TypeToken, changes: Changes): Promise<string[]> {
    if (hasUnknown(request.newInputs)) return [];
    const refused = await this.cluster.ifReachable(async () => {
      try {
        await this.#applyUpdate({ ...request, oldInputs: request.oldInputs }, request.newInputs, token, true);
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
    if (request.preview) return { id: "", outputs: await this.#previewCreate(request, token) };
    const around = this.cluster.surroundings(request.urn);
    const action = `creating ${describe(request.inputs, token)}`;
    return await explained(action, async () => {
      const inputs = toJsonMap(request.inputs);
      const target = await this.#target(inputs, token, request.urn);
      const manager = managerFor(request.urn, inputs);
      const object = await this.#make(target, inputs, token, manager, around);
      const outputs = await this.#ready(target, object, manager, token, request, around);
      return { id: idOf(target), outputs };
    });
  }

  /** Creates the object, or adopts the one that an earlier, killed run of this resource created. */
  async #make(
    target: Target,
    inputs: JsonMap,
    token: TypeToken,
    manager: string,
    around: Surroundings,
  ): Promise<JsonMap> {
    const body = bodyOf(inputs, target.served);
    const force = this.#force(inputs);
    const options = { manager, force, dryRun: false };
    if (token.patch || force) return await apply(around.client, target, body, { ...options, onlyNew: false });
    for (;;) {
      try {
        return await apply(around.client, target, body, { ...options, onlyNew: true });
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 409) throw error;
        const live = await get(around.client, target);
        if (live === undefined) {
          if (error.applyConflict || error.reason === "Conflict") continue;
          throw error;
        }
        if (text(live, "metadata", "deletionTimestamp") !== "") {
          await awaitGone(target, live, DEFAULT_TIMEOUT, around);
          continue;
        }
        if (!managersOf(live).includes(manager)) throw nameConflict(live, target);
        return await apply(around.client, target, body, { ...options, onlyNew: false });
      }
    }
  }

  async #previewCreate(request: CreateRequest, token: TypeToken): Promise<PropertyMap> {
    const { inputs } = request;
    const plain = previewOutputs(inputs, inputs);
    if (hasUnknown(inputs)) return plain;
    const tried = await this.cluster.ifReachable(async () => {
      const { client, discovery } = this.cluster.parts();
      const served = await discovery.find(token.apiVersion, token.kind);
      if (served === undefined) {
        this.cluster.warnOnce(
          `the cluster has no kind ${token.kind} in ${token.apiVersion} yet; it is expected to be there when the program runs`,
          request.urn,
        );
        return undefined;
      }
      const json = toJsonMap(inputs);
      const target = targetOf(served, json);
      const manager = managerFor(request.urn, json);
      const force = this.#force(json);
      try {
        return await apply(client, target, bodyOf(json, served), {
          manager,
          force,
          dryRun: true,
          onlyNew: !token.patch && !force,
        });
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === 409 && !token.patch) {
          const live = await get(client, target);
          if (
            live === undefined ||
            managersOf(live).includes(manager) ||
            text(live, "metadata", "deletionTimestamp") !== ""
          )
            return undefined;
          throw nameConflict(live, target);
        }
        return this.#toleratedInPreview(error, `creating ${describe(inputs, token)}`, request.urn);
      }
    });
    return tried === undefined ? plain : previewOutputs(tried, inputs);
  }

  /** A namespace that the same run makes, or a right that the preview's user lacks, must not stop a preview. */
  #toleratedInPreview(error: ApiError, action: string, urn: string): undefined {
    if (error.notFound) return undefined;
    if (error.code === 403 || error.code >= 500) {
      this.cluster.warnOnce(`dry run of ${action}: ${error.message}`, urn);
      return undefined;
    }
    throw explain(error, action);
  }

  async update(request: UpdateRequest): Promise<UpdateResponse> {
    const token = parseType(request.type, request.inputs);
    const action = `updating ${describe(request.inputs, token)}`;
    if (request.preview) return { outputs: await this.#previewUpdate(request, token, action) };
    const around = this.cluster.surroundings(request.urn);
    return await explained(action, async () => {
      try {
        const { object, target, manager } = await this.#applyUpdate(request, request.inputs, token, false);
        return { outputs: await this.#ready(target, object, manager, token, request, around) };
      } catch (error) {
        if (error instanceof UnreachableError && this.settings.skipUpdateUnreachable) {
          this.cluster.warnOnce(`${action}: skipped. ${error.message}`, request.urn);
          return { outputs: request.oldOutputs };
        }
        throw error;
      }
    });
  }

  async #applyUpdate(
    request: Pick<UpdateRequest, "urn" | "oldOutputs" | "oldInputs" | "ignoreChanges">,
    newInputs: PropertyMap,
    token: TypeToken,
    dryRun: boolean,
  ): Promise<{ object: JsonMap; target: Target; manager: string }> {
    const inputs = toJsonMap(newInputs);
    const target = await this.#target(inputs, token, request.urn);
    const { client } = this.cluster.parts();
    const recorded = request.oldOutputs[FIELD_MANAGER];
    const manager = managerFor(request.urn, inputs, recorded);
    let body = bodyOf(inputs, target.served);
    if (request.ignoreChanges.length > 0) {
      const live = await get(client, target);
      if (live !== undefined) body = withoutIgnored(body, live, request.ignoreChanges);
    }
    const object = await apply(client, target, body, { manager, force: this.#force(inputs), dryRun, onlyNew: false });
    return { object, target, manager };
  }

  async #previewUpdate(request: UpdateRequest, token: TypeToken, action: string): Promise<PropertyMap> {
    const { inputs, oldOutputs } = request;
    const plain: PropertyMap = {
      ...oldOutputs,
      ...inputs,
      metadata: merged(oldOutputs["metadata"], inputs["metadata"]),
    };
    if (hasUnknown(inputs)) return plain;
    const tried = await this.cluster.ifReachable(async () => {
      if ((await this.cluster.parts().discovery.find(token.apiVersion, token.kind)) === undefined) return undefined;
      try {
        const { object, manager } = await this.#applyUpdate(request, inputs, token, true);
        return outputsOf(object, manager, token.apiVersion);
      } catch (error) {
        if (error instanceof ApiError) return this.#toleratedInPreview(error, action, request.urn);
        throw error;
      }
    });
    return tried ?? plain;
  }

  async #ready(
    target: Target,
    object: JsonMap,
    manager: string,
    token: TypeToken,
    request: CreateRequest,
    around: Surroundings,
  ): Promise<PropertyMap> {
    if (token.patch) return outputsOf(object, manager, token.apiVersion);
    try {
      const final = await awaitReady(target, object, timeoutOf(request.timeoutSeconds, object), around);
      return outputsOf(final, manager, token.apiVersion);
    } catch (error) {
      const last = error instanceof NotReady ? error.object : object;
      const message = error instanceof Error ? error.message : String(error);
      if (!(
        error instanceof NotReady ||
        error instanceof ProviderError ||
        error instanceof ApiError ||
        error instanceof UnreachableError
      ))
        throw error;
      const reasons = error instanceof NotReady ? error.reasons : [message];
      throw new ProviderError(message, {
        id: idOf(target),
        outputs: outputsOf(last, manager, token.apiVersion),
        reasons,
      });
    }
  }

  async read(request: ReadRequest): Promise<ReadResponse | undefined> {
    const token = parseType(request.type, request.inputs);
    const action = `reading ${token.kind} ${request.id}`;
    return await explained(action, async () => {
      const { client, discovery } = this.cluster.parts();
      const served = await discovery.find(token.apiVersion, token.kind);
      if (served === undefined) return undefined;
      const slash = request.id.indexOf("/");
      const namespace = slash < 0 ? this.cluster.defaultNamespace : request.id.slice(0, slash);
      const target: Target = {
        served,
        namespace: served.namespaced ? namespace : "",
        name: request.id.slice(slash + 1),
      };
      const live = await get(client, target);
      if (live === undefined) return undefined;
      const recorded = request.outputs[FIELD_MANAGER];
      const manager = managerFor(request.urn, live, recorded);
      const inputs =
        Object.keys(request.inputs).length === 0 ? inputsOfLive(live) : inputsBroughtToLive(request.inputs, live);
      return { id: idOf(target), inputs, outputs: outputsOf(live, manager, token.apiVersion) };
    });
  }

  async delete(request: DeleteRequest): Promise<void> {
    const token = parseType(request.type, request.inputs);
    const action = `deleting ${token.kind} ${request.id}`;
    try {
      await explained(action, () => this.#delete(request, token));
    } catch (error) {
      if (
        !(error instanceof ProviderError) ||
        !this.settings.deleteUnreachable ||
        !error.message.includes("is unreachable")
      )
        throw error;
      this.cluster.warnOnce(`${error.message}; removed from the state all the same (deleteUnreachable)`, request.urn);
    }
  }

  async #delete(request: DeleteRequest, token: TypeToken): Promise<void> {
    const around = this.cluster.surroundings(request.urn);
    const served = await around.discovery.find(token.apiVersion, token.kind);
    if (served === undefined) return;
    const slash = request.id.indexOf("/");
    const target: Target = {
      served,
      namespace: slash < 0 ? (served.namespaced ? this.cluster.defaultNamespace : "") : request.id.slice(0, slash),
      name: request.id.slice(slash + 1),
    };
    const inputs = toJsonMap(request.inputs);
    if (token.patch) return await this.#giveUp(target, request, around);
    const wanted = annotation(inputs, PROPAGATION).toLowerCase();
    let left: JsonMap;
    try {
      const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: propagations[wanted] ?? "Background" };
      left = (await around.client.request({ method: "DELETE", path: pathTo(target), body })).body;
    } catch (error) {
      if (error instanceof ApiError && error.notFound) return;
      throw error;
    }
    if (text(left, "kind") === "Status" || annotation(inputs, SKIP_AWAIT) === "true") return;
    await awaitGone(target, left, timeoutOf(request.timeoutSeconds, inputs), around);
  }

  /** A patch ends by applying nothing under its manager: the fields that only it held go. */
  async #giveUp(target: Target, request: DeleteRequest, around: Surroundings): Promise<void> {
    if ((await get(around.client, target)) === undefined) return;
    const manager = managerFor(request.urn, toJsonMap(request.inputs), request.outputs[FIELD_MANAGER]);
    const nothing = bodyOf({ metadata: { name: target.name, namespace: target.namespace } }, target.served);
    await apply(around.client, target, nothing, { manager, force: false, dryRun: false, onlyNew: false });
  }

  async invoke(token: string, args: PropertyMap): Promise<PropertyMap> {
    return await invoke(token, args);
  }

  async close(): Promise<void> {
    this.cluster.close();
  }

  #force = (inputs: JsonMap): boolean => this.settings.enablePatchForce || annotation(inputs, PATCH_FORCE) === "true";

  async #target(inputs: JsonMap, token: TypeToken, urn: string): Promise<Target> {
    return targetOf(await this.cluster.served(token.apiVersion, token.kind, urn), inputs);
  }
}

const targetOf = (served: Target["served"], inputs: JsonMap): Target => ({
  served,
  namespace: served.namespaced ? text(inputs, "metadata", "namespace") || "default" : "",
  name: nameOf(inputs),
});

const merged = (old: PropertyMap[string] | undefined, fresh: PropertyMap[string] | undefined): PropertyMap => ({
  ...(old !== undefined && isMap(old) ? old : {}),
  ...(fresh !== undefined && isMap(fresh) ? fresh : {}),
});

/** The manager recorded in state, so that objects made by the CLI's provider stay one manager's; else one made from the URN. */
function managerFor(urn: string, inputs: JsonMap, recorded?: PropertyMap[string]): string {
  const asked = annotation(inputs, PATCH_MANAGER);
  if (asked !== "") return asked;
  return typeof recorded === "string" && recorded !== "" ? recorded : fieldManager(urn);
}

/** Seconds: `customTimeouts`, then the annotation, then the default. */
function timeoutOf(given: number | undefined, object: JsonMap): number {
  if (given !== undefined && given > 0) return given;
  const annotated = Number(annotation(object, TIMEOUT));
  return annotated > 0 ? annotated : DEFAULT_TIMEOUT;
}

function annotationFailures(metadata: PropertyMap): CheckFailure[] {
  const annotations = metadata["annotations"];
  if (annotations === undefined || !isMap(annotations)) return [];
  const fail = (key: string, reason: string): CheckFailure => ({ property: `metadata.annotations["${key}"]`, reason });
  const failures: CheckFailure[] = [];
  const timeout = annotations[TIMEOUT];
  if (timeout !== undefined && !isUnknown(timeout) && !(Number(timeout) > 0))
    failures.push(fail(TIMEOUT, `must be a number of seconds above 0, is ${JSON.stringify(timeout)}`));
  const propagation = annotations[PROPAGATION];
  if (typeof propagation === "string" && !(propagation.toLowerCase() in propagations)) {
    failures.push(fail(PROPAGATION, `must be background, foreground or orphan, is "${propagation}"`));
  }
  return failures;
}

function unsupported(type: string, token: TypeToken): CheckFailure | undefined {
  if (/^kubernetes:(helm\.sh|yaml|kustomize)/.test(type)) {
    return {
      property: "",
      reason: `the embedded engine has no ${type}; use the Pulumi CLI, or declare its objects themselves`,
    };
  }
  if (token.list)
    return {
      property: "",
      reason: `${token.kind} is a list, which cannot be created as such: declare each of its items`,
    };
  return undefined;
}

function describe(inputs: PropertyMap, token: TypeToken): string {
  const metadata = inputs["metadata"];
  const part = (key: string): string => {
    const value = metadata !== undefined && isMap(metadata) ? metadata[key] : undefined;
    return typeof value === "string" ? value : "";
  };
  return label({ kind: token.kind, metadata: { name: part("name"), namespace: part("namespace") } });
}

async function explained<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotReady) throw new ProviderError(error.message);
    throw explain(error, action);
  }
}
