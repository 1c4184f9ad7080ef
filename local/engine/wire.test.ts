import assert from "node:assert/strict";
import { SECRET_SIGNATURE, SIGNATURE_KEY, UNKNOWN_PLACEHOLDER } from "./signatures";
import { AssetOrArchive, type PropertyMap, ResourceReference, Secret, UNKNOWN } from "./values";
import { decode, encodeMap, fromStruct, toStruct } from "./wire";

describe("wire", () => {
  it("carries every kind of value there and back", () => {
    const map: PropertyMap = {
      plain: [null, true, 1.5, "text", { nested: [] }],
      secret: new Secret({ list: [new Secret("inner")] }),
      unknown: UNKNOWN,
      component: new ResourceReference("urn:pulumi:s::p::a:b:C::n"),
      custom: new ResourceReference("urn:pulumi:s::p::a:b:C::n", "id-1", "1.2.3"),
      pending: new ResourceReference("urn:pulumi:s::p::a:b:C::n", UNKNOWN),
      asset: new AssetOrArchive("asset", { text: "hello" }),
      archive: new AssetOrArchive("archive", { assets: { a: new AssetOrArchive("asset", { path: "x" }) } }),
    };
    assert.deepEqual(fromStruct(toStruct(map)), map);
  });

  it("writes secrets and unknowns as the SDK does", () => {
    assert.deepEqual(encodeMap({ a: new Secret("s"), b: UNKNOWN }), {
      a: { [SIGNATURE_KEY]: SECRET_SIGNATURE, value: "s" },
      b: UNKNOWN_PLACEHOLDER,
    });
  });

  it("reads output values as what they hold", () => {
    const signature = { [SIGNATURE_KEY]: "d0e6a833031e9bbcd3f4e8bde6ca49a4" };
    assert.deepEqual(decode({ ...signature, value: 1, secret: true }), new Secret(1));
    assert.equal(decode({ ...signature, dependencies: [] }), UNKNOWN);
  });

  it("refuses a signature that it does not know", () => {
    assert.throws(() => decode({ [SIGNATURE_KEY]: "feed" }), /unknown signature 'feed'/);
  });
});
