import { ProviderError } from "../../provider";
import type { ApiClient } from "./connection/client";
import { pathOf, type ServedKind } from "./connection/discovery";
import { ApiError } from "./connection/errors";
import { isJsonMap, label, mapsAt, spelled, text, type Json, type JsonMap } from "./object";

/** One object at the server. */
export interface Target {
  readonly served: ServedKind;
  /** Empty for kinds without a namespace. */
  readonly namespace: string;
  readonly name: string;
}
export interface ApplyOptions {
  readonly manager: string;
  readonly force: boolean;
  readonly dryRun: boolean;
  /** Refuse, in the same step and without a change, when the object exists. */
  readonly onlyNew: boolean;
}

export const pathTo = (target: Target): string => pathOf(target.served, target.namespace, target.name);

/** The id in Pulumi's state: `namespace/name`, or `name`. */
export const idOf = (target: Target): string =>
  target.namespace === "" ? target.name : `${target.namespace}/${target.name}`;

/** The body of an apply: `stringData` becomes `data`, because the server would never remove a key that came by `stringData`. */
export function bodyOf(object: JsonMap, served: ServedKind): JsonMap {
  const body: JsonMap = { ...object, apiVersion: served.apiVersion, kind: served.kind };
  const metadata: JsonMap = { ...(isJsonMap(object["metadata"]) ? object["metadata"] : {}) };
  delete metadata["managedFields"];
  if (!served.namespaced) delete metadata["namespace"];
  body["metadata"] = metadata;
  delete body["status"];
  const { stringData, ...rest } = body;
  if (served.apiVersion !== "v1" || served.kind !== "Secret" || !isJsonMap(stringData)) return body;
  const encoded = Object.entries(stringData).map(([key, value]): [string, Json] => [
    key,
    Buffer.from(spelled(value)).toString("base64"),
  ]);
  return { ...rest, data: { ...(isJsonMap(body["data"]) ? body["data"] : {}), ...Object.fromEntries(encoded) } };
}

/**
 * Server-side apply in one request.
 *
 * `onlyNew` rests on a resource version that no live object can have: the API server ignores it when it creates the object and refuses (409)
 * when the object exists. So a name conflict is found without a read before, and without a race.
 */
export async function apply(client: ApiClient, target: Target, body: JsonMap, options: ApplyOptions): Promise<JsonMap> {
  const guarded = {
    ...body,
    metadata: { ...(isJsonMap(body["metadata"]) ? body["metadata"] : {}), resourceVersion: "1" },
  };
  const answer = await client.request({
    method: "PATCH",
    path: pathTo(target),
    query: {
      fieldManager: options.manager,
      force: String(options.force),
      // Unknown and doubled fields come back as warnings, as with kubectl.
      fieldValidation: "Warn",
      ...(options.dryRun ? { dryRun: "All" } : {}),
    },
    body: options.onlyNew ? guarded : body,
    contentType: "application/apply-patch+yaml",
  });
  return answer.body;
}

/** The live object; `undefined` when there is none. */
export async function get(client: ApiClient, target: Target): Promise<JsonMap | undefined> {
  try {
    return (await client.request({ method: "GET", path: pathTo(target) })).body;
  } catch (error) {
    if (error instanceof ApiError && error.notFound) return undefined;
    throw error;
  }
}

export const managersOf = (object: JsonMap): string[] => [
  ...new Set(mapsAt(object, "metadata", "managedFields").map((entry) => text(entry, "manager"))),
];

export function nameConflict(live: JsonMap, target: Target): ProviderError {
  const managers = managersOf(live).join(", ") || "unknown";
  const pulumi = managers.includes("pulumi-kubernetes-")
    ? " One of them is another resource of a Pulumi program: if it was renamed, give it the option aliases."
    : "";
  return new ProviderError(
    `${label(live)} exists already and does not belong to this resource (its field managers: ${managers}).${pulumi} ` +
      `Choose another metadata.name, bring it under management with the option import: "${idOf(target)}", or take it over with the annotation pulumi.com/patchForce: "true"`,
  );
}
