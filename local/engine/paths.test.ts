import assert from "node:assert/strict";
import { aliasUrns } from "./aliases";
import { parseDuration } from "./durations";
import { changedPaths, formatPath, parsePath, touches, withIgnored } from "./paths";
import { parseProviderReference, parseUrn, qualify } from "./urn";
import { type PropertyMap, Secret } from "./values";

describe("property paths", () => {
  it("are read and written as Pulumi does", () => {
    const path = ["spec", "containers", 0, "image"];
    assert.deepEqual(parsePath("spec.containers[0].image"), path);
    assert.equal(formatPath(path), "spec.containers[0].image");
    assert.deepEqual(parsePath('data["a.b"].*[*]'), ["data", "a.b", "*", "*"]);
    assert.equal(formatPath(["data", "a.b"]), 'data["a.b"]');
    assert.throws(() => parsePath("a[x"), /'a\[x' is not a property path/);
  });

  it("touch what lies above and below them", () => {
    const pattern = parsePath("spec.*.image");
    for (const changed of ["spec", "spec.a", "spec.a.image", "spec.b.image.tag"])
      assert.ok(touches(pattern, parsePath(changed)), changed);
    for (const changed of ["status", "spec.a.command"]) assert.ok(!touches(pattern, parsePath(changed)), changed);
  });

  it("restore what is ignored: changed, added, taken away, in lists and secrets", () => {
    const olds = { a: 1, gone: 2, list: [{ x: 1, y: 1 }], secret: new Secret({ k: 1 }), deep: { k: 1 } };
    const news: PropertyMap = {
      a: 9,
      added: 3,
      list: [{ x: 9, y: 9 }, { x: 8 }],
      secret: new Secret({ k: 9 }),
      deep: {},
    };
    assert.deepEqual(
      withIgnored(news, olds, ["a", "gone", "added", "list[*].x", "secret.k", "deep.k", "nowhere.at.all"]),
      {
        a: 1,
        gone: 2,
        list: [{ x: 1, y: 9 }, {}],
        secret: new Secret({ k: 1 }),
        deep: { k: 1 },
      },
    );
  });

  it("name every difference, whatever is secret", () => {
    const changes = changedPaths(
      { a: 1, b: [1, 2], c: { d: 1 }, s: new Secret("x") },
      { a: 2, b: [1], c: { d: 1, e: 2 }, s: "x" },
    );
    assert.deepEqual(Object.fromEntries(changes), { a: "update", "b[1]": "delete", "c.e": "add" });
  });
});

describe("URNs", () => {
  const urn = (type: string, name: string): string => `urn:pulumi:s::p::${type}::${name}`;

  it("are taken apart, names with colons too", () => {
    assert.deepEqual(parseUrn(urn("a:b:C$d:e:F", "n::m")), {
      stack: "s",
      project: "p",
      qualifiedType: "a:b:C$d:e:F",
      name: "n::m",
    });
    assert.deepEqual(parseProviderReference(`${urn("pulumi:providers:x", "n::m")}::id`), {
      urn: urn("pulumi:providers:x", "n::m"),
      id: "id",
    });
    assert.throws(() => parseUrn("nonsense"), /'nonsense' is not a URN; expected/);
    assert.equal(qualify(urn("pulumi:pulumi:Stack", "p-s"), "a:b:C"), "a:b:C");
    assert.equal(qualify(urn("x:y:Z", "parent"), "a:b:C"), "x:y:Z$a:b:C");
  });

  it("have aliases of their own, their parent's, and both together", () => {
    const found = aliasUrns(
      {
        urn: urn("x:y:Z$a:b:C", "new-child"),
        parent: urn("x:y:Z", "new"),
        aliases: [{ name: "other" }, { type: "a:b:Old" }, { parent: null }, urn("k:k:K", "k")],
      },
      [urn("x:y:Z", "old")],
    );
    assert.deepEqual(
      new Set(found),
      new Set([
        urn("x:y:Z$a:b:C", "other"),
        urn("x:y:Z$a:b:Old", "new-child"),
        urn("a:b:C", "new-child"),
        urn("k:k:K", "k"),
        urn("x:y:Z$a:b:C", "old-child"),
        urn("x:y:Z$a:b:Old", "old-child"),
        urn("x:y:Z$k:k:K", "k"),
      ]),
    );
  });
});

describe("durations", () => {
  it("are Go's", () => {
    assert.deepEqual(["10m", "1h30m", "90s", "1.5s", "500ms"].map(parseDuration), [600, 5400, 90, 1.5, 0.5]);
    for (const text of ["", "10", "10 m", "m", "1d"])
      assert.throws(() => parseDuration(text), /is not a duration; write it like/);
  });
});
