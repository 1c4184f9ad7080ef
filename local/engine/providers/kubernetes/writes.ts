import { ProviderError, type CreateRequest, type DeleteRequest, type UpdateRequest } from "../../provider";
import { isMap, type PropertyMap, type PropertyValue } from "../../values";
import { DEFAULT_TIMEOUT, PATCH_FORCE, PATCH_MANAGER, propagationOf, SKIP_AWAIT, timeoutOf } from "./annotations";
import { apply, bodyOf, get, idOf, managersOf, nameConflict, pathTo, type Target } from "./apply";
import { awaitGone, awaitReady, NotReady, type Surroundings } from "./await/await";
import type { Cluster } from "./cluster";
import type { ProviderSettings } from "./config";
import { ApiError, explain, UnreachableError } from "./connection/errors";
import type { ServedKind } from "./connection/discovery";
import { withoutIgnored } from "./ignore";
import type { TypeToken } from "./kinds";
import { FIELD_MANAGER, outputsOf } from "./live";
import { fieldManager } from "./naming";
import { annotation, label, nameOf, text, toJsonMap, type JsonMap } from "./object";

export const targetOf = (served: ServedKind, inputs: JsonMap): Target => ({
  served,
  namespace: served.namespaced ? text(inputs, "metadata", "namespace") || "default" : "",
  name: nameOf(inputs),
});

/** The object that an id of the state names. */
export function targetById(served: ServedKind, id: string, defaultNamespace: string): Target {
  const slash = id.indexOf("/");
  const namespace = slash < 0 ? defaultNamespace : id.slice(0, slash);
  return { served, namespace: served.namespaced ? namespace : "", name: id.slice(slash + 1) };
}

/** The manager recorded in state, so that objects made by the CLI's provider stay one manager's; else one made from the URN. */
export function managerFor(urn: string, inputs: JsonMap, recorded?: PropertyValue): string {
  const asked = annotation(inputs, PATCH_MANAGER);
  if (asked !== "") return asked;
  return typeof recorded === "string" && recorded !== "" ? recorded : fieldManager(urn);
}

export const forced = (inputs: JsonMap, settings: ProviderSettings): boolean =>
  settings.enablePatchForce || annotation(inputs, PATCH_FORCE) === "true";

/** Creates the object, or adopts the one that an earlier, killed run of this resource created. */
export async function make(
  target: Target,
  inputs: JsonMap,
  options: { readonly patch: boolean; readonly manager: string; readonly force: boolean },
  around: Surroundings,
): Promise<JsonMap> {
  const body = bodyOf(inputs, target.served);
  const how = { manager: options.manager, force: options.force, dryRun: false };
  if (options.patch || options.force) return await apply(around.client, target, body, { ...how, onlyNew: false });
  for (;;) {
    try {
      return await apply(around.client, target, body, { ...how, onlyNew: true });
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 409) throw error;
      const live = await get(around.client, target);
      // Gone between the two requests; any other 409 is about something else.
      if (live === undefined && error.reason !== "Conflict") throw error;
      if (live === undefined) continue;
      if (text(live, "metadata", "deletionTimestamp") !== "") {
        await awaitGone(target, live, DEFAULT_TIMEOUT, around);
        continue;
      }
      if (!managersOf(live).includes(options.manager)) throw nameConflict(live, target);
      return await apply(around.client, target, body, { ...how, onlyNew: false });
    }
  }
}

export type Change = Pick<UpdateRequest, "urn" | "oldOutputs" | "ignoreChanges">;

/** Applies new inputs to an existing object. */
export async function change(
  request: Change,
  newInputs: PropertyMap,
  token: TypeToken,
  dryRun: boolean,
  cluster: Cluster,
  settings: ProviderSettings,
): Promise<{ object: JsonMap; target: Target; manager: string }> {
  const inputs = toJsonMap(newInputs);
  const target = targetOf(await cluster.served(token.apiVersion, token.kind, request.urn), inputs);
  const { client } = cluster.parts();
  const manager = managerFor(request.urn, inputs, request.oldOutputs[FIELD_MANAGER]);
  let body = bodyOf(inputs, target.served);
  if (request.ignoreChanges.length > 0) {
    const live = await get(client, target);
    if (live !== undefined) body = withoutIgnored(body, live, request.ignoreChanges);
  }
  const object = await apply(client, target, body, {
    manager,
    force: forced(inputs, settings),
    dryRun,
    onlyNew: false,
  });
  return { object, target, manager };
}

/**
 * Waits until what was written is ready, and returns its outputs.
 * @throws ProviderError with `partial`: the object exists.
 */
export async function becomeReady(
  written: { readonly object: JsonMap; readonly target: Target; readonly manager: string },
  token: TypeToken,
  request: CreateRequest,
  around: Surroundings,
): Promise<PropertyMap> {
  const { object, target, manager } = written;
  if (token.patch) return outputsOf(object, manager, token.apiVersion);
  try {
    const final = await awaitReady(target, object, timeoutOf(request.timeoutSeconds, object), around);
    return outputsOf(final, manager, token.apiVersion);
  } catch (error) {
    const known = [NotReady, ProviderError, ApiError, UnreachableError].some((type) => error instanceof type);
    if (!known) throw error;
    const { message } = error as Error;
    const [last, reasons] = error instanceof NotReady ? [error.object, error.reasons] : [object, [message]];
    throw new ProviderError(message, {
      id: idOf(target),
      outputs: outputsOf(last, manager, token.apiVersion),
      reasons,
    });
  }
}

/** Deletes the object and waits until it is gone. A patch only gives up the fields that it set. */
export async function remove(request: DeleteRequest, token: TypeToken, cluster: Cluster): Promise<void> {
  const around = cluster.surroundings(request.urn);
  const served = await around.discovery.find(token.apiVersion, token.kind);
  if (served === undefined) return;
  const target = targetById(served, request.id, cluster.defaultNamespace);
  const inputs = toJsonMap(request.inputs);
  if (token.patch) {
    if ((await get(around.client, target)) === undefined) return;
    const manager = managerFor(request.urn, inputs, request.outputs[FIELD_MANAGER]);
    const nothing = bodyOf({ metadata: { name: target.name, namespace: target.namespace } }, served);
    await apply(around.client, target, nothing, { manager, force: false, dryRun: false, onlyNew: false });
    return;
  }
  try {
    const body = { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy: propagationOf(inputs) };
    const { body: answer } = await around.client.request({ method: "DELETE", path: pathTo(target), body });
    // A status instead of the object: it is gone already.
    if (text(answer, "kind") === "Status" || annotation(inputs, SKIP_AWAIT) === "true") return;
  } catch (error) {
    if (error instanceof ApiError && error.notFound) return;
    throw error;
  }
  // The answer may be the object as it was at its end, after which a watch would see nothing more: so look anew.
  const left = await get(around.client, target);
  if (left !== undefined) await awaitGone(target, left, timeoutOf(request.timeoutSeconds, inputs), around);
}

/** `Deployment default/web`, as far as it is known. */
export function describe(inputs: PropertyMap, token: TypeToken): string {
  const metadata = inputs["metadata"];
  const part = (key: string): string => {
    const value = metadata !== undefined && isMap(metadata) ? metadata[key] : undefined;
    return typeof value === "string" ? value : "";
  };
  return label({ kind: token.kind, metadata: { name: part("name"), namespace: part("namespace") } });
}

/** Runs `work`, and turns its failures into messages for the user. */
export async function explained<T>(action: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof NotReady) throw new ProviderError(error.message);
    throw explain(error, action);
  }
}
