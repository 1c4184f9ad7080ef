import assert from "node:assert/strict";
import type { ProviderContext } from "../../provider";
import { type PropertyMap, revealSecrets, Secret, UNKNOWN } from "../../values";
import { bcrypt } from "./bcrypt";
import { factory } from ".";
import { below, seededSource, secureSource, shuffled } from "./source";
import { contradiction } from "./text";

const context: ProviderContext = {
  status: () => undefined,
  warn: () => undefined,
  offline: false,
  signal: new AbortController().signal,
};
const token = (name: string): string => `random:index/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`;

async function check(name: string, inputs: PropertyMap) {
  const provider = await factory.create({}, context);
  const type = token(name);
  return provider.check({ urn: "urn", type, name: "x", inputs, randomSeed: Buffer.alloc(32) });
}

async function create(name: string, inputs: PropertyMap, preview = false) {
  const provider = await factory.create({}, context);
  const checked = await check(name, inputs);
  assert.deepEqual(checked.failures, []);
  return provider.create({ urn: "urn", type: token(name), inputs: checked.inputs, preview });
}

async function diff(name: string, oldInputs: PropertyMap, newInputs: PropertyMap) {
  const provider = await factory.create({}, context);
  return provider.diff({
    urn: "urn",
    id: "none",
    type: token(name),
    oldInputs,
    oldOutputs: {},
    newInputs,
    ignoreChanges: [],
    preview: false,
  });
}

const plain = (outputs: PropertyMap): PropertyMap => revealSecrets(outputs) as PropertyMap;

describe("random provider", () => {
  it("offers the version of the SDK", () => {
    assert.match(factory.version, /^4\.\d+\.\d+$/);
  });

  describe("RandomPassword", () => {
    it("has the length and the minimum of each kind, and is secret", async () => {
      const { id, outputs } = await create("RandomPassword", {
        length: 24,
        minLower: 3,
        minUpper: 4,
        minNumeric: 5,
        minSpecial: 6,
        overrideSpecial: "_-",
      });
      assert.equal(id, "none");
      assert.ok(outputs.result instanceof Secret && outputs.bcryptHash instanceof Secret);
      const result = outputs.result.value as string;
      assert.equal(result.length, 24);
      const count = (pattern: RegExp): number => result.match(pattern)?.length ?? 0;
      assert.ok(count(/[a-z]/g) >= 3 && count(/[A-Z]/g) >= 4 && count(/\d/g) >= 5 && count(/[_-]/g) >= 6, result);
      assert.equal(count(/[^a-zA-Z\d_-]/g), 0);
    });

    it("gives every setting as an output, with the defaults", async () => {
      const outputs = plain((await create("RandomPassword", { length: 8, special: false })).outputs);
      const { result, bcryptHash, ...rest } = outputs;
      assert.equal((result as string).length, 8);
      assert.match(bcryptHash as string, /^\$2a\$10\$[./A-Za-z0-9]{53}$/);
      assert.deepEqual(rest, {
        __meta: '{"schema_version":"3"}',
        id: "none",
        length: 8,
        lower: true,
        upper: true,
        number: true,
        numeric: true,
        special: false,
        minLower: 0,
        minUpper: 0,
        minNumeric: 0,
        minSpecial: 0,
      });
    });

    it("is unknown in a preview", async () => {
      const { id, outputs } = await create("RandomPassword", { length: 8 }, true);
      assert.equal(id, "");
      assert.equal(outputs.result, UNKNOWN);
      assert.equal(outputs.length, 8);
      assert.equal(outputs.id, undefined);
    });

    it("is replaced by any change, and not by writing a default out", async () => {
      assert.deepEqual(await diff("RandomPassword", { length: 8 }, { length: 9 }), {
        changed: true,
        replaceKeys: ["length"],
        detailed: { length: "update-replace" },
      });
      const keepers = await diff(
        "RandomPassword",
        { length: 8, keepers: { a: "1" } },
        { length: 8, keepers: { a: "2" } },
      );
      assert.deepEqual(keepers.detailed, { "keepers.a": "update-replace" });
      const same = await diff("RandomPassword", { length: 8 }, { length: 8, special: true, number: true, minLower: 0 });
      assert.equal(same.changed, false);
    });

    it("refuses what cannot be", async () => {
      const reasons = async (inputs: PropertyMap): Promise<string[]> =>
        (await check("RandomPassword", inputs)).failures.map(({ property, reason }) => `${property}: ${reason}`);
      assert.deepEqual(await reasons({}), ["length: is required"]);
      assert.deepEqual(await reasons({ length: 0 }), ["length: must be at least 1; it is 0"]);
      assert.deepEqual(await reasons({ length: "abc" }), ["length: must be a whole number, not a string"]);
      assert.match((await reasons({ length: 3, minLower: 4 }))[0] ?? "", /is 4, more than the length 3/);
      assert.match(
        (await reasons({ length: 3, lengt: 4 }))[0] ?? "",
        /^lengt: there is no such property; known are length/,
      );
      const none = { length: 3, lower: false, upper: false, numeric: false, special: false };
      assert.match((await reasons(none))[0] ?? "", /at least one of/);
      assert.match((await reasons({ length: 3, number: true, numeric: false }))[0] ?? "", /must not differ/);
    });

    it("is adopted from an existing value", async () => {
      const provider = await factory.create({}, context);
      const request = { urn: "urn", type: token("RandomPassword"), inputs: {}, outputs: {} };
      const read = await provider.read({ ...request, id: "hunter2" });
      assert.equal(read?.id, "none");
      assert.equal(plain(read?.outputs ?? {}).result, "hunter2");
      assert.deepEqual(read?.inputs, { length: 7 });
    });
  });

  it("RandomId gives one number in four forms", async () => {
    const { id, outputs } = await create("RandomId", { byteLength: 8, prefix: "p-" });
    const bytes = Buffer.from(id, "base64url");
    assert.equal(bytes.length, 8);
    assert.equal(outputs.hex, `p-${bytes.toString("hex")}`);
    assert.equal(outputs.dec, `p-${bytes.readBigUInt64BE()}`);
    assert.equal(outputs.b64Std, `p-${bytes.toString("base64")}`);
    assert.equal(outputs.b64Url, `p-${id}`);
  });

  it("RandomString's id is its value, RandomBytes' is not", async () => {
    const string = await create("RandomString", { length: 5 });
    assert.equal(string.id, string.outputs.result);
    const bytes = await create("RandomBytes", { length: 5 });
    assert.equal(bytes.id, "none");
    assert.equal(
      Buffer.from(plain(bytes.outputs).base64 as string, "base64").toString("hex"),
      plain(bytes.outputs).hex,
    );
  });

  it("RandomInteger keeps its bounds and repeats itself from a seed", async () => {
    for (let time = 0; time < 50; time += 1) {
      const result = (await create("RandomInteger", { min: -1, max: 1 })).outputs.result as number;
      assert.ok(result >= -1 && result <= 1);
    }
    const seeded = async () => (await create("RandomInteger", { min: 0, max: 1e9, seed: "s" })).outputs.result;
    assert.equal(await seeded(), await seeded());
    assert.match((await check("RandomInteger", { min: 2, max: 1 })).failures[0]?.reason ?? "", /min is 2, max is 1/);
  });

  it("RandomPet joins words after a prefix", async () => {
    const { id } = await create("RandomPet", { length: 3, prefix: "db", separator: "_" });
    assert.match(id, /^db_[a-z]+_[a-z]+_[a-z]+$/);
  });

  it("RandomShuffle permutes, cuts and repeats", async () => {
    const inputs = ["a", "b", "c"];
    const results = async (resultCount?: number): Promise<string[]> =>
      (await create("RandomShuffle", resultCount === undefined ? { inputs } : { inputs, resultCount })).outputs
        .results as string[];
    assert.deepEqual((await results()).sort(), inputs);
    assert.equal((await results(2)).length, 2);
    const seven = await results(7);
    assert.deepEqual(seven.slice(0, 3).sort(), inputs);
    assert.deepEqual(seven.slice(3, 6).sort(), inputs);
    assert.deepEqual(await results(0), []);
  });

  it("RandomUuid and RandomUuid7 have their version's form", async () => {
    const form = (version: number) =>
      new RegExp(`^[0-9a-f]{8}-[0-9a-f]{4}-${version}[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`);
    assert.match((await create("RandomUuid", {})).id, form(4));
    assert.match((await create("RandomUuid7", {})).id, form(7));
  });

  it("names what it has when a type is unknown", async () => {
    await assert.rejects(check("RandomCat", {}), /no type random:index\/randomCat:RandomCat; it has .*RandomPet/);
  });
});

describe("bcrypt", () => {
  // Made with glibc's crypt (libxcrypt), another implementation.
  const cases: [string, Buffer, string][] = [
    ["", Buffer.alloc(16, 7), "$2a$10$/uaF/uaF/uaF/uaF/uaF/ur0gRy8e5e7IyypUiMJr6RqQUmXMePru"],
    [
      "hunter2é",
      Buffer.from("0102030405060708090a0b0c0d0e0f10", "hex"),
      "$2a$10$.OGB/.SE/ueHAeqKBO2NC.srPNSF1cac6mxDAQuFfW4VkhaG03IIe",
    ],
    ["x".repeat(80), Buffer.alloc(16, 255), "$2a$10$999999999999999999999upWyXhAeJvo0Fm9PDPh6.WQyjmTYiNUm"],
  ];
  for (const [password, salt, hash] of cases) {
    it(`hashes ${password.length} characters as others do`, () => assert.equal(bcrypt(password, salt), hash));
  }
});

describe("random source", () => {
  it("is unbiased within what 12,000 draws can show", () => {
    const counts = [0, 0, 0, 0, 0, 0];
    for (let time = 0; time < 12_000; time += 1) {
      const drawn = below(6, secureSource);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) assert.ok(count > 1_500 && count < 2_500, counts.join(" "));
  });

  it("shuffles the same way from the same seed and keeps every item", () => {
    const items = Array.from({ length: 40 }, (_, index) => index);
    assert.deepEqual(shuffled(items, seededSource("a")), shuffled(items, seededSource("a")));
    assert.notDeepEqual(shuffled(items, seededSource("a")), shuffled(items, seededSource("b")));
    assert.deepEqual(
      shuffled(items, secureSource).sort((a, b) => a - b),
      items,
    );
  });

  it("finds contradictions in text rules", () => {
    const rules = { length: 4, lower: true, upper: false, numeric: false, special: false, overrideSpecial: "" };
    const minimums = { minLower: 0, minUpper: 0, minNumeric: 0, minSpecial: 0 };
    assert.equal(contradiction({ ...rules, ...minimums }), undefined);
    assert.match(
      contradiction({ ...rules, ...minimums, minLower: 3, minUpper: 2 }) ?? "",
      /is 5, more than the length 4/,
    );
  });
});
