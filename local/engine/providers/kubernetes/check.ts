import type { CheckFailure, CheckRequest, CheckResponse } from "../../provider";
import { isMap, type PropertyMap } from "../../values";
import { annotationFailures } from "./annotations";
import { waitForJudge, WAIT_FOR } from "./await/waitfor";
import type { Cluster } from "./cluster";
import { parseType, type TypeToken } from "./kinds";
import { assignName } from "./naming";
import { isUnknown, without, withoutNulls } from "./object";

/** Fills in apiVersion, kind, name and namespace, and finds what is wrong with the shape. */
export async function checkObject(request: CheckRequest, cluster: Cluster): Promise<CheckResponse> {
  const inputs = withoutNulls(request.inputs) as PropertyMap;
  const token = parseType(request.type, inputs);
  const refusal = unsupported(request.type, token);
  if (refusal !== undefined) return { inputs, failures: [refusal] };
  const failures = identityFailures(inputs, token);
  const given = inputs["metadata"] ?? {};
  if (isUnknown(given)) return { inputs, failures };
  if (!isMap(given)) {
    return {
      inputs,
      failures: [...failures, { property: "metadata", reason: `must be a map, is ${JSON.stringify(given)}` }],
    };
  }
  failures.push(...annotationFailures(given), ...waitForFailures(given));

  let metadata: PropertyMap = given;
  if (!token.patch) {
    const old = request.oldInputs?.["metadata"];
    const named = assignName(
      request.name,
      given,
      old !== undefined && isMap(old) ? old : undefined,
      request.randomSeed,
    );
    metadata = named.metadata;
    failures.push(...named.failures);
  } else if (given["name"] === undefined || given["name"] === "") {
    failures.push({ property: "metadata.name", reason: "is required: a patch changes an existing object" });
  }
  const identity = { apiVersion: inputs["apiVersion"] ?? token.apiVersion, kind: inputs["kind"] ?? token.kind };
  return { inputs: { ...inputs, ...identity, metadata: await placed(metadata, token, cluster) }, failures };
}

/** Metadata with the namespace that holds: the default one where none is given, none for kinds that have none. */
async function placed(metadata: PropertyMap, token: TypeToken, cluster: Cluster): Promise<PropertyMap> {
  if (!(await cluster.namespaced(token.apiVersion, token.kind))) return without(metadata, "namespace");
  const namespace = metadata["namespace"];
  return namespace === undefined || namespace === "" ? { ...metadata, namespace: cluster.defaultNamespace } : metadata;
}

function identityFailures(inputs: PropertyMap, token: TypeToken): CheckFailure[] {
  return (["apiVersion", "kind"] as const).flatMap((key): CheckFailure[] => {
    if (token[key] === "") return [{ property: key, reason: "is required" }];
    const given = inputs[key];
    if (given === undefined || typeof given === "string" || isUnknown(given)) return [];
    return [{ property: key, reason: `must be text, is ${JSON.stringify(given)}` }];
  });
}

function waitForFailures(metadata: PropertyMap): CheckFailure[] {
  const annotations = metadata["annotations"];
  const value = annotations !== undefined && isMap(annotations) ? annotations[WAIT_FOR] : undefined;
  if (typeof value !== "string") return [];
  try {
    waitForJudge(value);
    return [];
  } catch (error) {
    return [{ property: `metadata.annotations["${WAIT_FOR}"]`, reason: (error as Error).message }];
  }
}

/** Whether a type stands for a tool that makes objects (charts, files of YAML), and not for an object. */
export const isTool = (type: string): boolean => /^kubernetes:(helm\.sh|yaml|kustomize)/.test(type);

function unsupported(type: string, token: TypeToken): CheckFailure | undefined {
  if (isTool(type)) {
    const reason = `the embedded engine has no ${type}; use the Pulumi CLI, or declare its objects themselves`;
    return { property: "", reason };
  }
  if (token.list) {
    const reason = `${token.kind} is a list, which cannot be created as such: declare each of its items`;
    return { property: "", reason };
  }
  return undefined;
}
