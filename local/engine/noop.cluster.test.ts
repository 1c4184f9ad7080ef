import assert from "node:assert/strict";
import { once } from "node:events";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import { up } from ".";
import { resolveConnection } from "./providers/kubernetes/connection/kubeconfig";
import { bench, testKubeconfig } from "./providers/kubernetes/testing/harness";
import { TestProject } from "./testing/project";

/** Stands before the API server and notes each request: what a user's audit log would say, whoever makes it. */
class RecordingProxy {
  readonly seen: string[] = [];
  private readonly agent = new https.Agent({ keepAlive: true });
  private readonly server = http.createServer((request, response) => {
    this.seen.push(`${request.method} ${request.url}`);
    const { server, tls, user } = this.connection;
    const { authorization = user.token === undefined ? undefined : `Bearer ${user.token}` } = request.headers;
    const options: https.RequestOptions = {
      method: request.method,
      agent: this.agent,
      headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
      ca: tls.ca,
      cert: user.cert,
      key: user.key,
      rejectUnauthorized: !tls.insecure,
    };
    const onward = https.request(server + (request.url ?? ""), options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", (error) => response.writeHead(502).end(error.message));
    request.pipe(onward);
  });

  constructor(private readonly connection: ReturnType<typeof resolveConnection>) {}

  /** Resolves to a kubeconfig that leads through it. */
  async open(): Promise<string> {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    const { port } = this.server.address() as AddressInfo;
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "proxy",
      clusters: [{ name: "proxy", cluster: { server: `http://127.0.0.1:${port}` } }],
      users: [{ name: "none", user: {} }],
      contexts: [{ name: "proxy", context: { cluster: "proxy", user: "none" } }],
    });
  }

  /** What was asked since the last time, reads left out. */
  writes(): string[] {
    return this.seen.splice(0).filter((request) => !request.startsWith("GET "));
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
    this.agent.destroy();
  }
}

const program = (kubeconfig: string, namespace: string): string => `
  import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
  import { ConfigMap } from "@pulumi/kubernetes/core/v1/configMap";
  import { Secret } from "@pulumi/kubernetes/core/v1/secret";
  import { Service } from "@pulumi/kubernetes/core/v1/service";
  import { NetworkPolicy } from "@pulumi/kubernetes/networking/v1/networkPolicy";
  import { Provider } from "@pulumi/kubernetes/provider";
  import { RandomPassword } from "@pulumi/random/randomPassword";

  const provider = new Provider("proxied", { kubeconfig: ${JSON.stringify(kubeconfig)}, namespace: "${namespace}" });
  const labels = { app: "idle" };
  const metadata = { labels };
  const password = new RandomPassword("password", { length: 20 });
  new ConfigMap("settings", { metadata, data: { key: "value" } }, { provider });
  new Secret("key", { metadata, stringData: { password: password.result } }, { provider });
  new Service("front", { metadata, spec: { selector: labels, clusterIP: "None", ports: [{ port: 80 }] } }, { provider });
  new NetworkPolicy("nothing", { metadata, spec: { podSelector: {}, policyTypes: ["Ingress"] } }, { provider });
  const containers = [{ name: "pause", image: "registry.k8s.io/pause:3.10" }];
  const template = { metadata, spec: { containers } };
  const unwatched = { labels, annotations: { "pulumi.com/skipAwait": "true" } };
  new Deployment("idle", { metadata: unwatched, spec: { replicas: 0, selector: { matchLabels: labels }, template } }, { provider });
`;

describe("an up with nothing to do (real API server)", function () {
  this.timeout(300_000);
  let proxy: RecordingProxy | undefined;
  let place: Awaited<ReturnType<typeof bench>> | undefined;
  let project: TestProject | undefined;

  afterEach(async () => {
    proxy?.close();
    project?.remove();
    await place?.end();
  });

  it("makes no call that writes, no dry run either", async function () {
    this.timeout(600_000);
    const kubeconfig = await testKubeconfig(this);
    place = await bench(kubeconfig);
    proxy = new RecordingProxy(resolveConnection({ kubeconfig }));
    project = new TestProject({ name: "noop", program: program(await proxy.open(), place.namespace) });

    const first = await up(project.options());
    assert.deepEqual([first.result, first.changes], ["succeeded", { create: 9 }]);
    const written = proxy.writes();
    assert.equal(written.filter((request) => !request.includes("dryRun")).length, 5, written.join("\n"));

    const second = await up(project.options());
    assert.deepEqual([second.result, second.changes], ["succeeded", { same: 9 }]);
    assert.deepEqual(proxy.writes(), []);
  });
});
