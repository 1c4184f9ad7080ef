import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppsV1Api, CoordinationV1Api, CoreV1Api, KubeConfig } from "@kubernetes/client-node";
import type { Ground } from "../../ground";

export interface ApiRequest {
  /** `GET /api/v1/namespaces/apps/secrets` */
  readonly line: string;
  readonly body: unknown;
}

/** What answers a request; undefined for what is not there. */
export type Answer = (request: ApiRequest) => unknown;

/** An API server that knows no more than a test tells it, for what no cluster here has. */
export class FakeApi {
  readonly requests: ApiRequest[] = [];

  private constructor(
    private readonly server: Server,
    private readonly folder: string,
    readonly kubeconfigFile: string,
  ) {}

  static async start(answer: Answer): Promise<FakeApi> {
    const folder = await mkdtemp(join(tmpdir(), "ballast-api-"));
    const server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part: string) => (text += part));
      request.on("end", () => {
        const line = `${request.method} ${request.url?.split("?")[0]}`;
        const asked = { line, body: text === "" ? undefined : (JSON.parse(text) as unknown) };
        api.requests.push(asked);
        const found = answer(asked);
        const missing = { kind: "Status", status: "Failure", reason: "NotFound", code: 404 };
        response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" });
        response.end(JSON.stringify(found ?? missing));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(folder, "kubeconfig");
    await writeFile(
      file,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "fake",
        clusters: [{ name: "fake", cluster: { server: url, "insecure-skip-tls-verify": true } }],
        users: [{ name: "fake", user: {} }],
        contexts: [{ name: "fake", context: { cluster: "fake", user: "fake" } }],
      }),
    );
    const api = new FakeApi(server, folder, file);
    return api;
  }

  ground(rest: Partial<Ground> = {}): Ground {
    const kubeconfig = new KubeConfig();
    kubeconfig.loadFromFile(this.kubeconfigFile);
    return {
      stack: "test",
      environment: "local",
      kubeconfig,
      core: kubeconfig.makeApiClient(CoreV1Api),
      apps: kubeconfig.makeApiClient(AppsV1Api),
      leases: kubeconfig.makeApiClient(CoordinationV1Api),
      targets: {},
      limits: { namespaces: ["apps"], share: 1 },
      say: () => undefined,
      signal: new AbortController().signal,
      ...rest,
    };
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await rm(this.folder, { recursive: true, force: true });
  }
}
