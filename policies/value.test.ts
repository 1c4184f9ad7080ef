import assert from "node:assert/strict";
import { deployment, podSpec, resource, UNKNOWN } from "./testing";
import { at, isSame, plain, reasonIn, Unknown, unknownIn, type Value } from "./value";

const props = { name: "web", count: 2, list: [1, UNKNOWN, { deep: UNKNOWN }], none: null, on: true };

/** Behind another proxy, as in a remediation. */
const wrapped = (source: object): object =>
  new Proxy(source, {
    get: (from, key) => (key === "__getSpecialProxyTarget" ? undefined : (Reflect.get(from, key) as unknown)),
  });

describe("values of a resource", () => {
  it("are copied, with what is unknown in its place and with the reason of the SDK", () => {
    const source = resource("kubernetes:core/v1:ConfigMap", props).props;
    for (const copy of [plain(source), plain(wrapped(source))]) {
      const { list, ...rest } = copy as { list: Value[] } & Record<string, Value>;
      assert.deepEqual(rest, { name: "web", count: 2, none: null, on: true });
      const [first, second, third] = list;
      assert.equal(first, 1);
      assert.ok(second instanceof Unknown);
      assert.match(second.cause.message, /string value at \.list\.1 can't be known during preview/);
      const deep = at(third, "deep");
      assert.ok(deep instanceof Unknown);
      assert.match(deep.cause.message, /\.list\.2\.deep /);
    }
  });

  it("keep an identifier that means nothing to Pulumi", () => {
    const id = "123e4567-e89b-12d3-a456-426614174000";
    assert.deepEqual(plain(resource("kubernetes:core/v1:ConfigMap", { id }).props), { id });
  });

  it("are the same by either way of reading", () => {
    const { props: source } = deployment(podSpec());
    assert.deepEqual(plain(source), plain(wrapped(source)));
  });

  it("are compared whatever the order of keys", () => {
    assert.ok(isSame({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 }));
    for (const [left, right] of [
      [{ a: 1 }, { a: 1, b: 2 }],
      [[1], [1, 2]],
      [1, "1"],
      [{}, []],
    ] as [Value, Value][]) {
      assert.ok(!isSame(left, right));
    }
  });

  it("tell what is unknown in them, and reasons that say something", () => {
    const hidden = new Unknown(new Error("…"));
    assert.equal(unknownIn({ a: [1, { b: hidden }] }), hidden);
    assert.equal(unknownIn({ a: [1] }), undefined);
    assert.equal(reasonIn({ why: "because" }, "why"), "because");
    assert.equal(reasonIn({ why: "  " }, "why"), undefined);
    assert.equal(reasonIn({ why: hidden }, "why"), hidden);
  });
});
