import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { Agent, request } from "node:https";
import { join } from "node:path";
import { parse } from "yaml";
import { Cluster } from "../local/engine/providers/kubernetes/cluster";
import { settingsOf } from "../local/engine/providers/kubernetes/config";
import { mapsAt, nameOf } from "../local/engine/providers/kubernetes/object";
import { bench, recordingContext, testKubeconfig } from "../local/engine/providers/kubernetes/testing/harness";
import { killProcessesWith, processesWith } from "../local/engine/testing/processes";
import { exit } from "./errors";
import { Checkout, type Ended } from "./testing/checkout";

interface Kubeconfig {
  clusters: { cluster: Record<string, string> }[];
  users: { user: Record<string, string> }[];
}

/** Stands between the engine and the API server, without TLS; answers to creations of what is named `held…` are kept back. */
class Proxy {
  private constructor(
    private readonly server: Server,
    readonly url: string,
  ) {}

  static async start(kubeconfig: Kubeconfig): Promise<Proxy> {
    const [{ cluster }] = kubeconfig.clusters as [Kubeconfig["clusters"][0]];
    const [{ user }] = kubeconfig.users as [Kubeconfig["users"][0]];
    const [ca, cert, key] = await Promise.all([
      contentOf(cluster, "certificate-authority"),
      contentOf(user, "client-certificate"),
      contentOf(user, "client-key"),
    ]);
    const agent = new Agent({ ca, cert, key });
    const server = createServer((asked, answer) => {
      const held = asked.method === "PATCH" && /\/configmaps\/held-/.test(asked.url ?? "");
      const { host: _host, ...headers } = asked.headers;
      const onwards = request(
        new URL(asked.url ?? "", cluster["server"]),
        { agent, method: asked.method, headers },
        (got: IncomingMessage) => {
          got.on("error", () => undefined);
          if (held) return void got.resume();
          answer.writeHead(got.statusCode ?? 500, got.headers);
          got.pipe(answer);
        },
      );
      onwards.on("error", () => answer.destroy());
      answer.on("close", () => onwards.destroy());
      asked.pipe(onwards);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Proxy(server, `http://127.0.0.1:${(server.address() as { port: number }).port}`);
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

async function contentOf(section: Record<string, string>, key: string): Promise<Buffer | undefined> {
  const data = section[`${key}-data`];
  if (data !== undefined) return Buffer.from(data, "base64");
  const file = section[key];
  return file === undefined ? undefined : readFile(file);
}

describe("Ctrl-C during up, at the command line (real API server)", function () {
  this.timeout(180_000);
  const marker = randomUUID();
  let kubeconfig: string;
  let place: Awaited<ReturnType<typeof bench>>;
  let direct: Cluster;
  let checkout: Checkout;
  let proxy: Proxy | undefined;

  before(async function () {
    this.timeout(600_000);
    kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    direct = new Cluster(settingsOf({ kubeconfig }), recordingContext(), true);
  });
  after(async () => {
    (direct as typeof direct | undefined)?.close();
    await (place as typeof place | undefined)?.end();
  });
  beforeEach(async () => {
    checkout = await Checkout.make({ BALLAST_TEST_RUN: marker });
  });
  afterEach(async () => {
    proxy?.close();
    proxy = undefined;
    killProcessesWith("BALLAST_TEST_RUN", marker);
    await checkout.remove();
  });

  const upDev = ["up", "dev", "--yes", "--skip-preview", "--engine", "embedded", "--no-policy-pack"];
  const program = (body: string): string => `
    import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
    import { Provider } from "@pulumi/kubernetes/provider";
    const provider = new Provider("cluster", { kubeconfig: ${JSON.stringify(join(checkout.folder, "kubeconfig"))}, namespace: "${place.namespace}" });
    const options = { provider };
    ${body}
  `;
  const read = async (): Promise<Kubeconfig> => parse(await readFile(kubeconfig, "utf8")) as Kubeconfig;
  const reach = (config: Kubeconfig): Promise<void> =>
    writeFile(join(checkout.folder, "kubeconfig"), JSON.stringify(config));

  interface Exported {
    readonly deployment: {
      readonly resources?: { readonly urn: string; readonly id?: string; readonly initErrors?: string[] }[];
      readonly pending_operations?: { readonly type: string }[];
    };
  }
  async function state(): Promise<Exported["deployment"]> {
    return (JSON.parse((await checkout.ballast(["state", "export", "dev"])).stdout) as Exported).deployment;
  }
  async function goesOn(wanted: Record<string, number>): Promise<Ended> {
    const ended = await checkout.ballast([...upDev, "--json"]);
    assert.equal(ended.code, exit.done, ended.stdout + ended.stderr);
    const { changeSummary } = JSON.parse(ended.stdout) as { changeSummary: Record<string, number> };
    assert.deepEqual(changeSummary, wanted);
    assert.equal((await state()).pending_operations, undefined);
    return ended;
  }
  async function liveMaps(): Promise<string[]> {
    const path = `/api/v1/namespaces/${place.namespace}/configmaps`;
    const found = mapsAt((await direct.parts().client.request({ method: "GET", path })).body, "items");
    return found.map(nameOf).filter((name) => name !== "kube-root-ca.crt");
  }

  it("once: what is under way is recorded, nothing new begins, exit code 130, no lock; the next up goes on", async () => {
    await reach(await read());
    const waiting = (annotations: string): string => `
      const quick = new ConfigMap("quick", { data: { a: "1" } }, options);
      const waiting = new ConfigMap("waiting", { metadata: { annotations: ${annotations} } }, { ...options, dependsOn: quick });
      new ConfigMap("later", { data: { of: waiting.metadata.name } }, options);
    `;
    await checkout.declare(program(waiting(`{ "pulumi.com/waitFor": "jsonpath={.data.phase}=done" }`)));
    const running = checkout.start(upDev);
    await running.shows(/waiting creating/);
    running.interrupt();
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, exit.interrupted, stdout + stderr);
    assert.match(stderr, /Interrupted: letting what is under way finish\. Once more to stop at once\./);
    assert.doesNotMatch(stdout, /later/);
    assert.deepEqual(processesWith("BALLAST_TEST_RUN", marker), [], "the program has ended too");
    const { resources = [], pending_operations: pending } = await state();
    const found = resources.find(({ urn }) => urn.endsWith("::waiting"));
    assert.deepEqual([pending, found?.initErrors?.length, typeof found?.id], [undefined, 1, "string"]);
    await checkout.declare(program(waiting("{}")));
    const { stderr: notes } = await goesOn({ same: 3, update: 1, create: 1 });
    assert.doesNotMatch(notes, /lock|journal/);
    assert.equal((await liveMaps()).length, 3);
    assert.equal((await checkout.ballast(["destroy", "dev", "--yes", "--engine", "embedded"])).code, exit.done);
    assert.deepEqual(await liveMaps(), []);
  });

  it("twice: ends at once although the server has not answered, and the next up takes over what it had made", async () => {
    const config = await read();
    proxy = await Proxy.start(config);
    const through = structuredClone(config);
    for (const { cluster } of through.clusters) {
      for (const key of Object.keys(cluster)) delete cluster[key];
      cluster["server"] = proxy.url;
    }
    await reach(through);
    await checkout.declare(program(`new ConfigMap("held", { data: { a: "1" } }, options);`));
    const running = checkout.start(upDev);
    await running.shows(/held creating/);
    while ((await liveMaps()).length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    running.interrupt();
    await running.shows(/Interrupted/);
    running.interrupt();
    const { code, stdout, stderr } = await running.ended;
    assert.equal(code, exit.interrupted, stdout + stderr);
    while (processesWith("BALLAST_TEST_RUN", marker).length > 0)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const [made] = await liveMaps();
    await reach(config);
    const { stderr: notes } = await goesOn({ same: 2, update: 1 });
    assert.match(notes, /took over the lock of dev: pid \d+, which held it since .*, is gone/);
    assert.deepEqual(await liveMaps(), [made], "the same object, and no other");
    assert.equal((await checkout.ballast(["destroy", "dev", "--yes", "--engine", "embedded"])).code, exit.done);
    assert.deepEqual(await liveMaps(), []);
  });
});
