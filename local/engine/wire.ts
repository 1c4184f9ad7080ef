import { type JavaScriptValue, Struct } from "google-protobuf/google/protobuf/struct_pb";
import {
  ARCHIVE_SIGNATURE,
  ASSET_SIGNATURE,
  OUTPUT_VALUE_SIGNATURE,
  RESOURCE_REFERENCE_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  UNKNOWN_PLACEHOLDER,
} from "./signatures";
import {
  AssetOrArchive,
  type PropertyMap,
  type PropertyValue,
  ResourceReference,
  Secret,
  UNKNOWN,
  Unknown,
} from "./values";

/** Property values as they cross gRPC: JSON in which secrets, unknowns, references and assets are marked by a signature. */
export type WireMap = Record<string, JavaScriptValue>;

export function toStruct(map: PropertyMap): Struct {
  return Struct.fromJavaScript(encodeMap(map));
}

export function fromStruct(struct: Struct | undefined): PropertyMap {
  return struct === undefined ? {} : decodeMap(struct.toJavaScript());
}

export function encodeMap(map: PropertyMap): WireMap {
  const encoded: WireMap = {};
  for (const [key, value] of Object.entries(map)) encoded[key] = encode(value);
  return encoded;
}

export function encode(value: PropertyValue): JavaScriptValue {
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Unknown) return UNKNOWN_PLACEHOLDER;
  if (value instanceof Secret) return { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: encode(value.value) };
  if (value instanceof ResourceReference) {
    return {
      [SIGNATURE_KEY]: RESOURCE_REFERENCE_SIGNATURE,
      urn: value.urn,
      ...(value.id === undefined ? {} : { id: value.id instanceof Unknown ? UNKNOWN_PLACEHOLDER : value.id }),
      ...(value.packageVersion === undefined ? {} : { packageVersion: value.packageVersion }),
    };
  }
  if (value instanceof AssetOrArchive) {
    const signature = value.kind === "asset" ? ASSET_SIGNATURE : ARCHIVE_SIGNATURE;
    return { [SIGNATURE_KEY]: signature, ...encodeMap(value.fields) };
  }
  return Array.isArray(value) ? value.map(encode) : encodeMap(value);
}

export function decodeMap(map: WireMap): PropertyMap {
  const decoded: PropertyMap = {};
  for (const [key, value] of Object.entries(map)) decoded[key] = decode(value);
  return decoded;
}

export function decode(value: JavaScriptValue): PropertyValue {
  if (value === UNKNOWN_PLACEHOLDER) return UNKNOWN;
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(decode);
  const map = value as WireMap;
  return SIGNATURE_KEY in map ? decodeSigned(map) : decodeMap(map);
}

function decodeSigned(object: WireMap): PropertyValue {
  const { [SIGNATURE_KEY]: signature, ...fields } = object;
  switch (String(signature)) {
    case SECRET_SIGNATURE:
      return new Secret(decode(fields.value ?? null));
    case RESOURCE_REFERENCE_SIGNATURE:
      return new ResourceReference(
        String(fields.urn),
        fields.id === undefined ? undefined : fields.id === UNKNOWN_PLACEHOLDER ? UNKNOWN : String(fields.id),
        fields.packageVersion === undefined ? undefined : String(fields.packageVersion),
      );
    case ASSET_SIGNATURE:
    case ARCHIVE_SIGNATURE:
      return new AssetOrArchive(signature === ASSET_SIGNATURE ? "asset" : "archive", decodeMap(fields));
    case OUTPUT_VALUE_SIGNATURE: {
      const value = fields.value === undefined ? UNKNOWN : decode(fields.value);
      return fields.secret === true ? new Secret(value) : value;
    }
    default:
      throw new Error(
        `A property value has the unknown signature '${String(signature)}'; is the program's @pulumi/pulumi newer than the engine's?`,
      );
  }
}
