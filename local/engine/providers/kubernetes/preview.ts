import type { CreateRequest, UpdateRequest } from "../../provider";
import { hasUnknown, isMap, type PropertyMap } from "../../values";
import { apply, bodyOf, get, managersOf, nameConflict } from "./apply";
import type { Cluster } from "./cluster";
import type { ProviderSettings } from "./config";
import { ApiError, explain } from "./connection/errors";
import type { TypeToken } from "./kinds";
import { outputsOf, previewOutputs } from "./live";
import { text, toJsonMap } from "./object";
import { change, describe, forced, managerFor, targetOf } from "./writes";

/** The outputs of a create that is not done: by a dry run where that is possible, else from the inputs. */
export async function previewCreate(
  request: CreateRequest,
  token: TypeToken,
  cluster: Cluster,
  settings: ProviderSettings,
): Promise<PropertyMap> {
  const { inputs, urn } = request;
  const plain = previewOutputs(inputs, inputs);
  if (hasUnknown(inputs)) return plain;
  const tried = await cluster.ifReachable(async () => {
    const { client, discovery } = cluster.parts();
    const served = await discovery.find(token.apiVersion, token.kind);
    if (served === undefined) {
      cluster.warnOnce(
        `the cluster has no kind ${token.kind} in ${token.apiVersion} yet; it is expected to be there when the program runs`,
        urn,
      );
      return undefined;
    }
    const json = toJsonMap(inputs);
    const target = targetOf(served, json);
    const manager = managerFor(urn, json);
    const force = forced(json, settings);
    try {
      const onlyNew = !token.patch && !force;
      return await apply(client, target, bodyOf(json, served), { manager, force, dryRun: true, onlyNew });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== 409 || token.patch)
        return tolerated(error, `creating ${describe(inputs, token)}`, urn, cluster);
      const live = await get(client, target);
      const ending = text(live, "metadata", "deletionTimestamp") !== "";
      if (live === undefined || ending || managersOf(live).includes(manager)) return undefined;
      throw nameConflict(live, target);
    }
  });
  return tried === undefined ? plain : previewOutputs(tried, inputs);
}

export async function previewUpdate(
  request: UpdateRequest,
  token: TypeToken,
  cluster: Cluster,
  settings: ProviderSettings,
): Promise<PropertyMap> {
  const { inputs, oldOutputs, urn } = request;
  const [oldMetadata, metadata] = [oldOutputs["metadata"], inputs["metadata"]].map((map) =>
    map !== undefined && isMap(map) ? map : {},
  );
  const plain: PropertyMap = { ...oldOutputs, ...inputs, metadata: { ...oldMetadata, ...metadata } };
  if (hasUnknown(inputs)) return plain;
  const tried = await cluster.ifReachable(async () => {
    if ((await cluster.parts().discovery.find(token.apiVersion, token.kind)) === undefined) return undefined;
    try {
      const { object, manager } = await change(request, inputs, token, true, cluster, settings);
      return outputsOf(object, manager, token.apiVersion);
    } catch (error) {
      if (error instanceof ApiError) return tolerated(error, `updating ${describe(inputs, token)}`, urn, cluster);
      throw error;
    }
  });
  return tried ?? plain;
}

/** A namespace that the same run makes, or a right that the preview's user lacks, must not stop a preview. */
function tolerated(error: ApiError, action: string, urn: string, cluster: Cluster): undefined {
  if (error.notFound) return undefined;
  if (error.code === 401 || error.code === 403 || error.code >= 500) {
    cluster.warnOnce(`dry run of ${action}: ${error.message}`, urn);
    return undefined;
  }
  throw explain(error, action);
}
