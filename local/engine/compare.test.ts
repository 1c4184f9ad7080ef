import assert from "node:assert/strict";
import { compare, type ResourceChange } from "./compare";
import type { Declaration } from "./declare";
import { PolicyRecord } from "./policy/record";
import { UNKNOWN_PLACEHOLDER } from "./signatures";
import type { ResourceState } from "./state/store";
import { nameOf, typeOf } from "./urn";
import { type PropertyMap, Secret, UNKNOWN } from "./values";

const urn = (type: string, name: string): string => `urn:pulumi:dev::demo::${type}::${name}`;
const provider = (name: string): string => urn("pulumi:providers:kubernetes", name);

function resource(type: string, name: string, inputs: PropertyMap, more: Partial<ResourceState> = {}): ResourceState {
  const reference = type.startsWith("kubernetes:")
    ? { provider: `${provider("default")}::${UNKNOWN_PLACEHOLDER}` }
    : {};
  return { urn: urn(type, name), type, custom: true, inputs, outputs: inputs, ...reference, ...more };
}

const cluster = (name: string, inputs: PropertyMap): ResourceState =>
  resource("pulumi:providers:kubernetes", name, inputs);

function deployment(spec: PropertyMap, more: Partial<ResourceState> = {}): ResourceState {
  const metadata = { name: "web", namespace: "shop" };
  return resource(
    "kubernetes:apps/v1:Deployment",
    "web",
    { apiVersion: "apps/v1", kind: "Deployment", metadata, spec },
    more,
  );
}

const declaration = (resources: readonly ResourceState[]): Declaration => ({
  stack: "dev",
  project: "demo",
  result: "succeeded",
  resources: [cluster("default", {}), ...resources],
  outputs: {},
  diagnostics: [],
  policies: new PolicyRecord(),
});

const compared = (before: readonly ResourceState[], after: readonly ResourceState[]): Promise<ResourceChange[]> =>
  compare(declaration(before), declaration(after));

describe("comparing two declarations", () => {
  it("finds nothing where nothing differs, unknown values and components included", async () => {
    const same = (): ResourceState[] => [
      deployment({ replicas: 2, template: UNKNOWN }),
      resource("shop:index:Web", "web", { size: 3 }, { custom: false }),
    ];
    const grown = resource("shop:index:Web", "web", { size: 4 }, { custom: false });
    assert.deepEqual(await compared(same(), [...same().slice(0, 1), grown]), []);
  });

  it("tells what is added, changed, replaced and removed, in the order of the URNs", async () => {
    const map = (name: string): ResourceState =>
      resource("kubernetes:core/v1:ConfigMap", name, {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace: "shop" },
      });
    const before = [map("gone"), deployment({ replicas: 2, selector: { matchLabels: { app: "web" } } })];
    const after = [map("new"), deployment({ replicas: 5, selector: { matchLabels: { app: "www" } } })];
    const changes = await compared(before, after);
    assert.deepEqual(
      changes.map(({ kind, name }) => [kind, name]),
      [
        ["replaced", "web"],
        ["removed", "gone"],
        ["added", "new"],
      ],
    );
    assert.deepEqual(changes[0]?.properties, [
      { path: "spec.replicas", before: 2, after: 5, replaces: false },
      { path: "spec.selector.matchLabels.app", before: "web", after: "www", replaces: true },
    ]);
    const [scaled] = await compared([deployment({ replicas: 2 })], [deployment({ replicas: 3, paused: true })]);
    assert.equal(scaled?.kind, "changed");
    assert.deepEqual(scaled.properties, [
      { path: "spec.paused", after: true, replaces: false },
      { path: "spec.replicas", before: 2, after: 3, replaces: false },
    ]);
  });

  it("follows aliases, keeps automatic names, and obeys ignoreChanges and replaceOnChanges", async () => {
    const named = (name: string, data: PropertyMap, more: Partial<ResourceState> = {}): ResourceState =>
      resource(
        "kubernetes:core/v1:ConfigMap",
        name,
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: `${name}-1a2b3c4d`, namespace: "shop", annotations: { "pulumi.com/autonamed": "true" } },
          data,
        },
        more,
      );
    const aliases = [urn("kubernetes:core/v1:ConfigMap", "old")];
    assert.deepEqual(await compared([named("old", {})], [named("new", {}, { aliases })]), []);
    const [change] = await compared(
      [deployment({ replicas: 1 })],
      [deployment({ replicas: 2 }, { replaceOnChanges: ["spec"] })],
    );
    assert.equal(change?.kind, "replaced");
    const [renamed] = await compared(
      [deployment({ replicas: 1 }, { urn: urn("kubernetes:apps/v1:Deployment", "former") })],
      [deployment({ replicas: 2 }, { aliases: [urn("kubernetes:apps/v1:Deployment", "former")] })],
    );
    assert.equal(renamed?.kind, "changed");
    assert.equal(renamed.formerUrn, urn("kubernetes:apps/v1:Deployment", "former"));
  });

  it("replaces what a replaced provider manages, and only that", async () => {
    const own = (name: string, server: string): ResourceState[] => [
      cluster(name, { clusterIdentifier: server }),
      deployment({ replicas: 1 }, { provider: `${provider(name)}::${UNKNOWN_PLACEHOLDER}` }),
    ];
    const moved = await compared(own("main", "one"), own("main", "two"));
    assert.deepEqual(
      moved.map(({ kind, type }) => [kind, type]),
      [
        ["replaced", "kubernetes:apps/v1:Deployment"],
        ["replaced", "pulumi:providers:kubernetes"],
      ],
    );
    const other = await compared(own("main", "one"), own("other", "one"));
    assert.deepEqual(
      other.map(({ kind, name }) => `${kind} ${name}`),
      ["replaced web", "removed main", "added other"],
    );
    const rotated = (token: string): ResourceState[] => [
      cluster("main", { clusterIdentifier: "one", kubeconfig: `token: ${token}` }),
      ...own("main", "one").slice(1),
    ];
    assert.deepEqual(
      (await compared(rotated("a"), rotated("b"))).map(({ kind, type }) => `${kind} ${typeOf(urn(type, ""))}`),
      ["changed pulumi:providers:kubernetes"],
    );
  });

  it("keeps secrets secret, and tells when protection goes", async () => {
    const secret = (password: string, protect: boolean): ResourceState =>
      resource(
        "random:index/randomPassword:RandomPassword",
        "db",
        { length: 12, keepers: new Secret({ password }) },
        { protect },
      );
    const [change] = await compared([secret("one", true)], [secret("two", false)]);
    assert.ok(change);
    assert.deepEqual(change.properties.at(-1), { path: "option protect", before: true, after: false, replaces: false });
    for (const { before } of change.properties.slice(0, -1)) assert.ok(before instanceof Secret);
    assert.equal(nameOf(change.urn), "db");
  });
});
