import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { parse } from "yaml";

import type { PropertyMap } from "../../values";
import { factory } from "./index";
import { bench, recordingContext, Resource, testKubeconfig } from "./testing/harness";

interface Kubeconfig {
  clusters: { cluster: { server: string } }[];
  users: { user: Record<string, unknown> }[];
}

const CONFIG_MAP = "kubernetes:core/v1:ConfigMap";
const inputs: PropertyMap = { metadata: { name: "map" }, data: { a: "1" } };

/** A port of 127.0.0.1 on which nothing listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("kubernetes provider: faults (real API server)", function () {
  this.timeout(120_000);
  let place: Awaited<ReturnType<typeof bench>>;
  let config: Kubeconfig;

  before(async function () {
    this.timeout(600_000);
    const kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    config = parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
  });
  after(() => (place as typeof place | undefined)?.end());

  const changed = (change: (copy: Kubeconfig) => void): string => {
    const copy = structuredClone(config);
    change(copy);
    return JSON.stringify(copy);
  };
  const first = <T>(list: readonly T[]): T => {
    const [item] = list;
    assert.ok(item !== undefined);
    return item;
  };

  it("an unreachable cluster: a preview goes on with one warning, an operation fails at once and names server and context", async () => {
    const server = `https://127.0.0.1:${await freePort()}`;
    const context = recordingContext();
    const kubeconfig = changed((copy) => (first(copy.clusters).cluster.server = server));
    const provider = await factory.create({ kubeconfig }, context);
    const map = new Resource(provider, CONFIG_MAP, "map");
    const outputs = await map.preview(inputs);
    assert.deepEqual(outputs["data"], { a: "1" });
    await map.preview({ metadata: { name: "other" } });
    assert.equal(context.warnings.length, 1);
    assert.match(first(context.warnings), /unreachable: ECONNREFUSED.*Diffs are computed without it/);
    await assert.rejects(map.create(inputs), (error: Error) => {
      assert.match(
        error.message,
        /creating ConfigMap default\/map: the cluster at https:\/\/127\.0\.0\.1:\d+ \(context ".+", the provider's kubeconfig\) is unreachable/,
      );
      return true;
    });
    await provider.close();
    const lenient = await factory.create({ kubeconfig, deleteUnreachable: "true" }, recordingContext());
    await lenient.delete({ urn: map.urn, type: CONFIG_MAP, id: "default/map", inputs: {}, outputs: {} });
    await lenient.close();
  });

  it("an untrusted certificate is named as such", async () => {
    const kubeconfig = changed((copy) => {
      const cluster = first(copy.clusters).cluster as Record<string, unknown>;
      for (const key of ["insecure-skip-tls-verify", "certificate-authority", "certificate-authority-data"])
        delete cluster[key];
    });
    const provider = await factory.create({ kubeconfig }, recordingContext());
    await assert.rejects(
      new Resource(provider, CONFIG_MAP, "map").create(inputs),
      /its certificate is not trusted \([A-Z_]+\)/,
    );
    await provider.close();
  });

  it("what RBAC forbids: verb, resource and user are named; a preview only warns", async () => {
    const context = recordingContext();
    const kubeconfig = changed((copy) => (first(copy.users).user["as"] = "intern"));
    const provider = await factory.create({ kubeconfig, namespace: place.namespace }, context);
    const map = new Resource(provider, CONFIG_MAP, "forbidden");
    const denied = /not allowed: .*User "intern" cannot patch resource "configmaps"/;
    await assert.rejects(map.create({ metadata: { name: "forbidden" } }), denied);
    await map.preview({ metadata: { name: "forbidden" } });
    assert.match(context.warnings.join("\n"), /User "intern" cannot patch resource "configmaps"/);
    await provider.close();
  });

  it("credentials that the cluster does not know", async () => {
    const kubeconfig = changed((copy) => (first(copy.users).user = { token: "not-a-token" }));
    const provider = await factory.create({ kubeconfig }, recordingContext());
    await assert.rejects(new Resource(provider, CONFIG_MAP, "map").create(inputs), (error: Error) => {
      assert.match(error.message, /does not accept the credentials of the kubeconfig/);
      assert.doesNotMatch(error.message, /not-a-token/);
      return true;
    });
    await provider.close();
  });

  it("a cancelled run leaves what it created recorded as existing", async () => {
    const stop = new AbortController();
    const context = recordingContext(stop.signal);
    const provider = await factory.create({ kubeconfig: JSON.stringify(config), namespace: place.namespace }, context);
    const map = new Resource(provider, CONFIG_MAP, "slow");
    const metadata = { name: "slow", annotations: { "pulumi.com/waitFor": "jsonpath={.data.never}" } };
    const created = map.create({ metadata }).catch((error: unknown) => error);
    while (context.statuses.length === 0) await new Promise(setImmediate);
    stop.abort();
    const error = (await created) as { message: string; partial?: { id: string } };
    assert.match(error.message, /the wait was cancelled/);
    assert.equal(error.partial?.id, `${place.namespace}/slow`);
    await provider.close();
  });

  it("warns once of what the server calls deprecated, and refuses a field that the kind does not have", async () => {
    const old = place.resource("kubernetes:core/v1:Endpoints", "old");
    const subsets = (ip: string): PropertyMap => ({ subsets: [{ addresses: [{ ip }], ports: [{ port: 80 }] }] });
    await old.create({ metadata: { name: "old" }, ...subsets("10.250.0.1") });
    await old.update({ metadata: { name: "old" }, ...subsets("10.250.0.2") });
    assert.equal(place.context.warnings.filter((line) => line.includes("v1 Endpoints is deprecated")).length, 1);
    await old.delete();
    const odd = place.resource(CONFIG_MAP, "odd");
    await assert.rejects(
      odd.create({ metadata: { name: "odd" }, dta: { a: "1" } }),
      /\.dta: field not declared in schema/,
    );
  });
});
