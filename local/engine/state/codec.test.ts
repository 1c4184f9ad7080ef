import assert from "node:assert/strict";
import fc from "fast-check";
import { AssetOrArchive, ResourceReference, Secret, UNKNOWN, type PropertyMap, type PropertyValue } from "../values";
import { decodeMap, encodeMap, sameValue, type JsonObject } from "./codec";
import { SecretKeeper, blindSecrets, shownSecrets } from "./keeper";
import { Crypter } from "./secrets";
import { PASSPHRASE, testSalt } from "./testing/fixtures";

const key = fc.string({ minLength: 1, maxLength: 8 });
const { value } = fc.letrec<{ value: PropertyValue; map: PropertyMap }>((tie) => ({
  map: fc.dictionary(key, tie("value"), { maxKeys: 4 }),
  value: fc.oneof(
    { depthSize: "small" },
    fc.constant(null),
    fc.boolean(),
    fc.oneof(
      fc.integer(),
      fc.double().map((number) => (Object.is(number, -0) ? 0 : number)),
    ),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 4 }),
    tie("map"),
    // What is secret inside a secret is just secret.
    fc.jsonValue().map((json) => new Secret(json as PropertyValue)),
    fc
      .record({ urn: key, id: fc.option(fc.string(), { nil: undefined }), version: fc.option(key, { nil: undefined }) })
      .map(({ urn, id, version }) => new ResourceReference(urn, id, version)),
    fc.constantFrom(
      new AssetOrArchive("asset", { hash: "abc", text: "hello" }),
      new AssetOrArchive("archive", {
        assets: { "a.txt": new AssetOrArchive("asset", { path: "a.txt" }) },
        hash: "def",
      }),
    ),
  ),
}));

describe("property values in state", () => {
  let keeper: SecretKeeper;
  before(async function () {
    this.timeout(60_000);
    keeper = new SecretKeeper(await Crypter.open(PASSPHRASE, await testSalt(), "the test"));
  });

  it("come back as they went, through JSON and encryption", () => {
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 4 }), (map) => {
        const json = JSON.parse(JSON.stringify(encodeMap(map, keeper, "inputs x"))) as JsonObject;
        assert.ok(sameValue(decodeMap(json, keeper, "inputs x"), map));
      }),
    );
  });

  it("come back from an export with plain secrets", () => {
    const map: PropertyMap = {
      a: new Secret({ b: [1, null, "<&>"] }),
      z: Number.NaN,
      list: [Number.NEGATIVE_INFINITY],
    };
    const json = encodeMap(map, shownSecrets, "inputs x");
    assert.match(JSON.stringify(json), /"plaintext":"{\\"b\\":\[1,null,\\"<&>\\"\]}"/);
    assert.ok(sameValue(decodeMap(json, keeper, "inputs x"), map));
  });

  it("read as [secret] when nothing is to be opened", () => {
    const json = encodeMap({ a: new Secret("pw") }, keeper, "inputs x");
    assert.deepEqual(decodeMap(json, blindSecrets, "inputs x"), { a: new Secret("[secret]") });
  });

  it("are never unknown", () => {
    assert.throws(() => encodeMap({ a: { b: UNKNOWN } }, keeper, "inputs x"), /a\.b of inputs x is unknown/);
  });

  it("say where a secret is damaged, and nothing of what it holds", () => {
    const sealed = encodeMap({ a: new Secret("pw") }, keeper, "inputs x") as { a: JsonObject };
    const text = sealed.a["ciphertext"] as string;
    const damaged = { a: { ...sealed.a, ciphertext: `${text.slice(0, -6)}AAAA==` } };
    assert.throws(() => decodeMap(damaged, keeper, "inputs x"), /the secret at inputs x a cannot be decrypted/);
    const both = { a: { ...sealed.a, plaintext: '"pw"' } };
    assert.throws(() => decodeMap(both, keeper, "inputs x"), /a of inputs x: a secret has either .* exactly one/);
    const notJson = {
      a: { "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", plaintext: "pw123" },
    };
    assert.throws(
      () => decodeMap(notJson, keeper, "inputs x"),
      (error: Error) => /not JSON/.test(error.message) && !error.message.includes("pw123"),
    );
  });

  it("refuse a signature that they do not know", () => {
    const json = { a: { "4dabf18193072939515e22adb298388d": "deadbeef" } };
    assert.throws(() => decodeMap(json, keeper, "inputs x"), /a of inputs x has the signature "deadbeef"/);
  });
});
