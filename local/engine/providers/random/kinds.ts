import { randomUUID } from "node:crypto";
import { ProviderError } from "../../provider";
import { Secret, type PropertyMap, UNKNOWN } from "../../values";
import type { Schema } from "../schema";
import { bcrypt } from "./bcrypt";
import { below, pick, secureSource, seededSource, shuffled } from "./source";
import { contradiction, randomText, type TextRules } from "./text";
import { ADJECTIVES, ADVERBS, ANIMALS } from "./words";

/** One resource type: what it takes, and what it makes of it. */
export interface Kind {
  readonly schema: Schema;
  /** Outputs beside the inputs; `UNKNOWN` in a preview. */
  readonly outputs: readonly string[];
  /** Version of upstream's state, by which the Pulumi CLI's provider knows how to read it. */
  readonly stateVersion?: number;
  /** What no single property can tell; returns the property and the reason. */
  validate?(inputs: PropertyMap): { property: string; reason: string } | undefined;
  /** `inputs` have their defaults. */
  generate(inputs: PropertyMap): { id: string; outputs: PropertyMap };
  /** Inputs and outputs of a value made elsewhere, from the id given to `import` or `get`. */
  adopt?(id: string): { id: string; inputs: PropertyMap; outputs: PropertyMap };
}

const keepers = { type: "map", replaces: true } as const;
const count = (fallback: number) => ({ type: "integer", default: fallback, minimum: 0, replaces: true }) as const;
const flag = { type: "boolean", default: true, replaces: true } as const;
const text = { type: "string", replaces: true } as const;

const textSchema: Schema = {
  length: { type: "integer", required: true, minimum: 1, replaces: true },
  lower: flag,
  minLower: count(0),
  minNumeric: count(0),
  minSpecial: count(0),
  minUpper: count(0),
  number: flag,
  numeric: flag,
  overrideSpecial: text,
  special: flag,
  upper: flag,
  keepers,
};

/** Reads rules from inputs that are checked and have their defaults. */
function textRules(inputs: PropertyMap): TextRules {
  const number = (key: string): number => inputs[key] as number;
  return {
    length: number("length"),
    lower: inputs.lower === true,
    upper: inputs.upper === true,
    numeric: inputs.numeric === true,
    special: inputs.special === true,
    minLower: number("minLower"),
    minUpper: number("minUpper"),
    minNumeric: number("minNumeric"),
    minSpecial: number("minSpecial"),
    overrideSpecial: typeof inputs.overrideSpecial === "string" ? inputs.overrideSpecial : "",
  };
}

function validateText(inputs: PropertyMap): { property: string; reason: string } | undefined {
  if (Object.values(inputs).includes(UNKNOWN)) return undefined;
  const reason = contradiction(textRules(inputs));
  return reason === undefined ? undefined : { property: "", reason };
}

const randomPassword: Kind = {
  schema: textSchema,
  outputs: ["result", "bcryptHash"],
  stateVersion: 3,
  validate: validateText,
  generate: (inputs) => ({ id: "none", outputs: passwordOutputs(randomText(textRules(inputs), secureSource)) }),
  adopt: (id) => ({ id: "none", inputs: { length: [...id].length }, outputs: passwordOutputs(id) }),
};

function passwordOutputs(result: string): PropertyMap {
  return { result: new Secret(result), bcryptHash: new Secret(bcrypt(result, secureSource(16))) };
}

const randomString: Kind = {
  schema: textSchema,
  outputs: ["result"],
  stateVersion: 2,
  validate: validateText,
  generate(inputs) {
    const result = randomText(textRules(inputs), secureSource);
    return { id: result, outputs: { result } };
  },
  adopt: (id) => ({ id, inputs: { length: [...id].length }, outputs: { result: id } }),
};

const randomBytesKind: Kind = {
  schema: { length: { type: "integer", required: true, minimum: 1, replaces: true }, keepers },
  outputs: ["base64", "hex"],
  // Upstream's id is the secret itself. Ids stand in state in clear, so ours is not.
  generate: (inputs) => ({ id: "none", outputs: byteOutputs(secureSource(inputs.length as number)) }),
  adopt(id) {
    const bytes = Buffer.from(id, "base64");
    if (id === "" || bytes.toString("base64") !== id) {
      throw new ProviderError("the id of a RandomBytes to import must be its value in standard, padded base64");
    }
    return { id: "none", inputs: { length: bytes.length }, outputs: byteOutputs(bytes) };
  },
};

const byteOutputs = (bytes: Buffer): PropertyMap => ({
  base64: new Secret(bytes.toString("base64")),
  hex: new Secret(bytes.toString("hex")),
});

const randomId: Kind = {
  schema: { byteLength: { type: "integer", required: true, minimum: 1, replaces: true }, prefix: text, keepers },
  outputs: ["b64Std", "b64Url", "dec", "hex"],
  generate(inputs) {
    const bytes = secureSource(inputs.byteLength as number);
    return { id: bytes.toString("base64url"), outputs: idOutputs(bytes, (inputs.prefix as string | undefined) ?? "") };
  },
  adopt(id) {
    const comma = id.lastIndexOf(",");
    const prefix = comma < 0 ? "" : id.slice(0, comma);
    const encoded = id.slice(comma + 1);
    const bytes = Buffer.from(encoded, "base64url");
    if (encoded === "" || bytes.toString("base64url") !== encoded) {
      throw new ProviderError(
        `cannot import RandomId "${id}": write its b64Url value, with "prefix," before it if it has one`,
      );
    }
    const inputs = { byteLength: bytes.length, ...(prefix === "" ? {} : { prefix }) };
    return { id: encoded, inputs, outputs: idOutputs(bytes, prefix) };
  },
};

function idOutputs(bytes: Buffer, prefix: string): PropertyMap {
  const hex = bytes.toString("hex");
  return {
    b64Std: prefix + bytes.toString("base64"),
    b64Url: prefix + bytes.toString("base64url"),
    dec: prefix + BigInt(`0x${hex}`).toString(),
    hex: prefix + hex,
  };
}

const randomInteger: Kind = {
  schema: {
    min: { type: "integer", required: true, replaces: true },
    max: { type: "integer", required: true, replaces: true },
    seed: text,
    keepers,
  },
  outputs: ["result"],
  validate({ min, max }) {
    if (typeof min !== "number" || typeof max !== "number" || min <= max) return undefined;
    return { property: "min", reason: `must not be greater than max; min is ${min}, max is ${max}` };
  },
  generate({ min, max, seed }) {
    const source = typeof seed === "string" && seed !== "" ? seededSource(seed) : secureSource;
    const result = (min as number) + below((max as number) - (min as number) + 1, source);
    return { id: String(result), outputs: { result } };
  },
  adopt(id) {
    const [result, min, max, ...seed] = id.split(",");
    const numbers = [result, min, max].map((part) => (/^-?\d+$/.test(part ?? "") ? Number(part) : undefined));
    if (numbers.some((number) => number === undefined)) {
      throw new ProviderError(`cannot import RandomInteger "${id}": write result,min,max or result,min,max,seed`);
    }
    const inputs: PropertyMap = { min: numbers[1] as number, max: numbers[2] as number };
    if (seed.length > 0) inputs.seed = seed.join(",");
    return { id: String(numbers[0]), inputs, outputs: { result: numbers[0] as number } };
  },
};

const randomPet: Kind = {
  schema: {
    length: { type: "integer", default: 2, minimum: 1, replaces: true },
    prefix: text,
    separator: { ...text, default: "-" },
    keepers,
  },
  outputs: [],
  generate({ length, prefix, separator }) {
    const words = Array.from({ length: length as number }, (_, index) => {
      const fromEnd = (length as number) - index;
      return pick(fromEnd === 1 ? ANIMALS : fromEnd === 2 ? ADJECTIVES : ADVERBS, secureSource);
    });
    if (typeof prefix === "string" && prefix !== "") words.unshift(prefix);
    return { id: words.join(separator as string), outputs: {} };
  },
};

const randomShuffle: Kind = {
  schema: {
    inputs: { type: "list", required: true, replaces: true },
    resultCount: { type: "integer", minimum: 0, replaces: true },
    seed: text,
    keepers,
  },
  outputs: ["results"],
  generate({ inputs, resultCount, seed }) {
    const items = inputs as string[];
    const wanted = items.length === 0 ? 0 : ((resultCount as number | undefined) ?? items.length);
    const source = typeof seed === "string" && seed !== "" ? seededSource(seed) : secureSource;
    const results: string[] = [];
    while (results.length < wanted) results.push(...shuffled(items, source).slice(0, wanted - results.length));
    return { id: "-", outputs: { results } };
  },
};

const uuid = (make: () => string): Kind => ({
  schema: { keepers },
  outputs: ["result"],
  generate() {
    const result = make();
    return { id: result, outputs: { result } };
  },
  adopt(id) {
    if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id)) {
      throw new ProviderError(`cannot import the UUID "${id}": it must be written as 8-4-4-4-12 hexadecimal digits`);
    }
    return { id, inputs: {}, outputs: { result: id } };
  },
});

/** Version 7: 48 bits of milliseconds, so that later ones sort later, and the rest random. */
function uuid7(): string {
  const bytes = secureSource(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export const kinds: Readonly<Record<string, Kind>> = {
  "random:index/randomBytes:RandomBytes": randomBytesKind,
  "random:index/randomId:RandomId": randomId,
  "random:index/randomInteger:RandomInteger": randomInteger,
  "random:index/randomPassword:RandomPassword": randomPassword,
  "random:index/randomPet:RandomPet": randomPet,
  "random:index/randomShuffle:RandomShuffle": randomShuffle,
  "random:index/randomString:RandomString": randomString,
  "random:index/randomUuid:RandomUuid": uuid(randomUUID),
  "random:index/randomUuid4:RandomUuid4": uuid(randomUUID),
  "random:index/randomUuid7:RandomUuid7": uuid(uuid7),
};
