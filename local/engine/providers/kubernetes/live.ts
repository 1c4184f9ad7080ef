import { Secret, UNKNOWN, isMap, type PropertyMap, type PropertyValue } from "../../values";
import { isJsonMap, isList, spelled, text, without, type Json, type JsonMap } from "./object";
import { sameQuantity } from "./quantity";

export const FIELD_MANAGER = "__fieldManager";
export const INITIAL_API_VERSION = "__initialApiVersion";

/** What is recorded of a live object: all of it but the bookkeeping of field managers, which changes with every status. */
export function outputsOf(object: JsonMap, manager: string, initialApiVersion: string): PropertyMap {
  const outputs: PropertyMap = {
    ...concealed(object),
    [FIELD_MANAGER]: manager,
    [INITIAL_API_VERSION]: initialApiVersion,
  };
  return outputs;
}

/** A Secret's content is secret, whatever the program said. */
function concealed(object: JsonMap): PropertyMap {
  const metadata = isJsonMap(object["metadata"]) ? without(object["metadata"], "managedFields") : {};
  const result: PropertyMap = { ...object, metadata };
  if (text(object, "apiVersion") !== "v1" || text(object, "kind") !== "Secret") return result;
  for (const key of ["data", "stringData"]) {
    const content = object[key];
    if (isJsonMap(content))
      result[key] = Object.fromEntries(Object.entries(content).map(([name, value]) => [name, new Secret(value)]));
  }
  return result;
}

const serverSet = ["uid", "resourceVersion", "generation", "creationTimestamp"];

/** Outputs of a preview's create: the inputs (or what a dry run made of them), and `UNKNOWN` for what only the server can choose. */
export function previewOutputs(object: PropertyMap, inputs: PropertyMap): PropertyMap {
  const metadata: PropertyMap = isMap(object["metadata"]) ? { ...object["metadata"] } : {};
  delete metadata["managedFields"];
  for (const key of serverSet) metadata[key] = UNKNOWN;
  const outputs: PropertyMap = { ...object, metadata, status: UNKNOWN };
  const kind = object["kind"];
  if (object["apiVersion"] !== "v1") return outputs;
  const given = isMap(inputs["spec"]) ? inputs["spec"] : {};
  if (kind === "Secret") return previewSecret(outputs);
  const spec = object["spec"];
  if (spec === undefined || !isMap(spec)) return outputs;
  if (kind === "PersistentVolumeClaim")
    return { ...outputs, spec: { ...spec, volumeName: given["volumeName"] ?? UNKNOWN } };
  if (kind === "Service" && given["type"] !== "ExternalName") return { ...outputs, spec: previewService(spec, given) };
  return outputs;
}

function previewService(spec: PropertyMap, given: PropertyMap): PropertyMap {
  const chosen: PropertyMap = { ...spec, clusterIP: given["clusterIP"] ?? UNKNOWN };
  if (given["clusterIPs"] === undefined)
    chosen["clusterIPs"] = given["clusterIP"] === undefined ? UNKNOWN : [given["clusterIP"]];
  const exposed = given["type"] === "NodePort" || given["type"] === "LoadBalancer";
  const [ports, givenPorts] = [spec["ports"], given["ports"]];
  if (exposed && isList(ports)) {
    chosen["ports"] = ports.map((port, index) => {
      const asked = isList(givenPorts) ? givenPorts[index] : undefined;
      return isMap(port)
        ? { ...port, nodePort: (asked !== undefined && isMap(asked) ? asked["nodePort"] : undefined) ?? UNKNOWN }
        : port;
    });
  }
  return chosen;
}

/** The server turns `stringData` into `data`; a preview shows the same, so that a program reads the same. */
function previewSecret({ stringData, ...outputs }: PropertyMap): PropertyMap {
  const data: PropertyMap = isMap(outputs["data"]) ? { ...outputs["data"] } : {};
  if (stringData !== undefined && isMap(stringData)) {
    for (const [key, value] of Object.entries(stringData))
      data[key] = typeof value === "string" ? Buffer.from(value).toString("base64") : UNKNOWN;
  }
  const content = Object.fromEntries(
    Object.entries(data).map(([key, value]): [string, PropertyValue] => [key, new Secret(value)]),
  );
  return Object.keys(content).length > 0 ? { ...outputs, data: content } : outputs;
}

/** Inputs for an object that is not in state yet (`get`, import): the live object without what the server adds. */
export function inputsOfLive(live: JsonMap): PropertyMap {
  const metadata = live["metadata"];
  const rest = without(live, "status", "metadata");
  const kept = isJsonMap(metadata)
    ? Object.fromEntries(
        Object.entries(metadata).filter(
          ([key]) => ![...serverSet, "managedFields", "selfLink", "ownerReferences"].includes(key),
        ),
      )
    : {};
  return { ...rest, metadata: kept };
}

/**
 * The last inputs, brought to what the live object says of the same fields: the difference is drift. Fields that others set are
 * left out, and other spellings of the same value (`1000m`, `1`) stay as the program wrote them.
 */
export function inputsBroughtToLive(inputs: PropertyMap, live: JsonMap): PropertyMap {
  const result: PropertyMap = {};
  const content = text(live, "apiVersion") === "v1" && ["ConfigMap", "Secret"].includes(text(live, "kind"));
  for (const [key, value] of Object.entries(inputs)) {
    if (key === "apiVersion" || key === "kind") result[key] = value;
    else if (key === "stringData" && content) {
      const data = isJsonMap(live["data"]) ? live["data"] : {};
      const decoded = Object.fromEntries(
        Object.entries(data).map(([name, part]): [string, Json] => [
          name,
          Buffer.from(spelled(part), "base64").toString("utf8"),
        ]),
      );
      result[key] = merge(value, decoded, true) ?? {};
    } else {
      const merged = merge(value, live[key], content && ["data", "binaryData"].includes(key));
      if (merged !== undefined) result[key] = merged;
    }
  }
  return result;
}

const empty = (value: PropertyValue): boolean =>
  value === null ||
  value === "" ||
  value === false ||
  value === 0 ||
  (Array.isArray(value) ? value.length === 0 : isMap(value) && Object.keys(value).length === 0);

function merge(input: PropertyValue, live: Json | undefined, exact: boolean): PropertyValue | undefined {
  // The server leaves zero values out.
  if (live === undefined) return !exact && empty(input) ? input : undefined;
  if (isList(input) && Array.isArray(live)) return mergeLists(input, live, exact);
  if (isMap(input) && isJsonMap(live)) {
    const result: PropertyMap = {};
    for (const [key, value] of Object.entries(input)) {
      const merged = merge(value, live[key], exact);
      if (merged !== undefined) result[key] = merged;
    }
    return result;
  }
  if (!exact && (typeof input === "string" || typeof input === "number") && sameQuantity(input, live)) return input;
  return live;
}

const leaf = (value: PropertyValue | undefined): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Keys by which the server merges lists of maps; the first that all items have is taken. */
const mergeKeys: readonly (readonly string[])[] = [
  ["name"],
  ["containerPort"],
  ["port"],
  ["mountPath"],
  ["devicePath"],
  ["ip"],
  ["type"],
  ["topologyKey"],
];

function mergeLists(input: readonly PropertyValue[], live: readonly Json[], exact: boolean): PropertyValue {
  const maps = input.every((item) => isMap(item)) && live.every(isJsonMap);
  const keys = maps
    ? mergeKeys.find((group) => group.every((key) => input.every((item) => isMap(item) && item[key] !== undefined)))
    : undefined;
  if (keys !== undefined && maps) {
    const rest = [...live];
    return input.flatMap((item) => {
      const index = rest.findIndex((other) =>
        keys.every((key) => isJsonMap(other) && isMap(item) && spelled(other[key]) === leaf(item[key])),
      );
      const match = index < 0 ? undefined : rest.splice(index, 1)[0];
      const merged = match === undefined ? undefined : merge(item, match, exact);
      return merged === undefined ? [] : [merged];
    });
  }
  if (input.length !== live.length) return [...live];
  return input.map((item, index) => merge(item, live[index], exact) ?? live[index] ?? null);
}
