import {
  ARCHIVE_SIGNATURE,
  ASSET_SIGNATURE,
  FLOAT_SIGNATURE,
  RESOURCE_REFERENCE_SIGNATURE,
  SECRET_SIGNATURE,
  SIGNATURE_KEY,
  UNKNOWN_PLACEHOLDER,
} from "../signatures";
import {
  AssetOrArchive,
  ResourceReference,
  Secret,
  UNKNOWN,
  Unknown,
  isMap,
  revealSecrets,
  type PropertyMap,
  type PropertyValue,
} from "../values";

/** What JSON text parses to. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** How secrets stand in state. `place` is the resource and path, the same for the same secret from run to run. */
export interface SecretForm {
  /** The fields beside the signature: `ciphertext` or `plaintext`. */
  seal(plaintext: string, place: string): JsonObject;
  /** The JSON text that `seal` was given; `undefined` when secrets are not to be opened. */
  open(fields: JsonObject, place: string): string | undefined;
}

/** What stands in for a secret that is not opened, as in the CLI. */
export const BLIND_SECRET = "[secret]";

/** The state form of `value`. Keys are sorted, as the CLI writes them. */
export function encodeMap(map: PropertyMap, secrets: SecretForm, owner: string): JsonObject {
  return new Encoder(secrets, owner).map(map);
}

/** @throws an error that names the path within `owner` of what cannot be read */
export function decodeMap(json: JsonObject, secrets: SecretForm, owner: string): PropertyMap {
  return new Decoder(secrets, owner).map(json);
}

class Place {
  private readonly path: string[] = [];
  constructor(private readonly owner: string) {}

  within<T>(key: string, work: () => T): T {
    this.path.push(key);
    const result = work();
    this.path.pop();
    return result;
  }

  toString(): string {
    return [this.owner, ...this.path].join("\n");
  }

  describe(): string {
    return `${this.path.join(".")} of ${this.owner}`;
  }
}

class Encoder {
  private readonly place: Place;
  constructor(
    private readonly secrets: SecretForm,
    owner: string,
  ) {
    this.place = new Place(owner);
  }

  map(map: PropertyMap): JsonObject {
    const entries: [string, Json][] = [];
    for (const key of Object.keys(map).sort()) {
      const value = map[key];
      if (value === undefined) continue;
      entries.push([key, this.place.within(key, () => this.value(value))]);
    }
    return Object.fromEntries(entries);
  }

  private value(value: PropertyValue): Json {
    if (value === null || typeof value === "boolean" || typeof value === "string") return value;
    if (typeof value === "number") return Number.isFinite(value) ? value : encodeFloat(value);
    if (Array.isArray(value))
      return value.map((item: PropertyValue, index) => this.place.within(`${index}`, () => this.value(item)));
    if (value instanceof Secret) {
      const plain = new Encoder(this.secrets, this.place.toString()).value(revealSecrets(value.value));
      return {
        [SIGNATURE_KEY]: SECRET_SIGNATURE,
        ...this.secrets.seal(JSON.stringify(plain), this.place.toString()),
      };
    }
    if (value instanceof Unknown) {
      throw new Error(`${this.place.describe()} is unknown: only values that are known can be kept in state`);
    }
    if (value instanceof ResourceReference) {
      return {
        [SIGNATURE_KEY]: RESOURCE_REFERENCE_SIGNATURE,
        ...(value.id === undefined ? {} : { id: typeof value.id === "string" ? value.id : "" }),
        packageVersion: value.packageVersion ?? "",
        urn: value.urn,
      };
    }
    if (value instanceof AssetOrArchive) {
      return {
        [SIGNATURE_KEY]: value.kind === "asset" ? ASSET_SIGNATURE : ARCHIVE_SIGNATURE,
        ...this.map(value.fields),
      };
    }
    return this.map(value);
  }
}

class Decoder {
  private readonly place: Place;
  constructor(
    private readonly secrets: SecretForm,
    owner: string,
  ) {
    this.place = new Place(owner);
  }

  map(json: JsonObject): PropertyMap {
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => [key, this.place.within(key, () => this.value(value))]),
    );
  }

  value(json: Json): PropertyValue {
    if (json === UNKNOWN_PLACEHOLDER) return UNKNOWN;
    if (Array.isArray(json)) return json.map((item, index) => this.place.within(`${index}`, () => this.value(item)));
    if (!isJsonObject(json)) return json;
    const { [SIGNATURE_KEY]: signature, ...fields } = json;
    if (signature === undefined) return this.map(json);
    switch (signature as unknown) {
      case SECRET_SIGNATURE:
        return this.secret(fields);
      case ASSET_SIGNATURE:
        return new AssetOrArchive("asset", this.map(fields));
      case ARCHIVE_SIGNATURE:
        return new AssetOrArchive("archive", this.map(fields));
      case RESOURCE_REFERENCE_SIGNATURE:
        return this.reference(fields);
      case FLOAT_SIGNATURE:
        return decodeFloat(fields["value"]);
      default:
        throw new Error(
          `${this.place.describe()} has the signature ${JSON.stringify(signature)}, which this engine does not know; ` +
            `the Pulumi CLI may`,
        );
    }
  }

  private secret(fields: JsonObject): Secret {
    const sealed = typeof fields["ciphertext"] === "string" && fields["ciphertext"] !== "";
    const plain = typeof fields["plaintext"] === "string" && fields["plaintext"] !== "";
    if (sealed === plain) {
      throw new Error(`${this.place.describe()}: a secret has either a ciphertext or a plaintext, exactly one of them`);
    }
    const text = plain ? (fields["plaintext"] as string) : this.secrets.open(fields, this.place.toString());
    if (text === undefined) return new Secret(BLIND_SECRET);
    let inner: Json;
    try {
      inner = JSON.parse(text) as Json;
    } catch {
      // The parser's own message would quote the secret.
      throw new Error(`${this.place.describe()}: what the secret decrypts to is not JSON`);
    }
    return new Secret(revealSecrets(new Decoder(NESTED, this.place.toString()).value(inner)));
  }

  private reference(fields: JsonObject): ResourceReference {
    const { urn, id, packageVersion } = fields;
    if (typeof urn !== "string") throw new Error(`${this.place.describe()}: a resource reference needs its urn`);
    const version = typeof packageVersion === "string" && packageVersion !== "" ? packageVersion : undefined;
    return new ResourceReference(urn, typeof id === "string" ? id : undefined, version);
  }
}

/** Inside a secret nothing is encrypted once more: the field named ciphertext is the plaintext. */
const NESTED: SecretForm = {
  seal: (plaintext) => ({ ciphertext: plaintext }),
  open: (fields) => fields["ciphertext"] as string,
};

function encodeFloat(value: number): JsonObject {
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return { [SIGNATURE_KEY]: FLOAT_SIGNATURE, value: bits.toString("hex") };
}

function decodeFloat(hex: Json | undefined): number {
  if (typeof hex !== "string" || !/^[0-9a-f]{16}$/i.test(hex)) {
    throw new Error(`a number that JSON cannot hold must have 16 hex digits as its value`);
  }
  return Buffer.from(hex, "hex").readDoubleBE();
}

/** Whether two values mean the same, secrets compared by what they hold and by being secret. */
export function sameValue(a: PropertyValue | undefined, b: PropertyValue | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a === null || b === null) return false;
  if (typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  if (Array.isArray(a)) return Array.isArray(b) && sameList(a, b);
  if (Array.isArray(b)) return false;
  if (a instanceof Secret) return b instanceof Secret && sameValue(a.value, b.value);
  if (a instanceof ResourceReference) {
    return b instanceof ResourceReference && a.urn === b.urn && a.id === b.id && a.packageVersion === b.packageVersion;
  }
  if (a instanceof AssetOrArchive) {
    return b instanceof AssetOrArchive && a.kind === b.kind && sameValue(a.fields, b.fields);
  }
  if (!isMap(a) || !isMap(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => key in b && sameValue(a[key], b[key]));
}

const sameList = (a: readonly PropertyValue[], b: readonly PropertyValue[]): boolean =>
  a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
