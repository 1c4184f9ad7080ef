import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { ApiClient } from "./client";
import { ApiError, explain, UnreachableError } from "./errors";
import type { Connection } from "./kubeconfig";
import { LiveObjects } from "./watch";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

const json = (response: ServerResponse, code: number, body: object, headers: Record<string, string> = {}): void => {
  response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};

/** An API server in small: one handler a test. */
describe("client of the API server", () => {
  let server: Server;
  let client: ApiClient;
  let handler: Handler;
  let port: number;
  const warnings: string[] = [];
  const listen = (at: number): Promise<void> => new Promise((resolve) => server.listen(at, "127.0.0.1", resolve));

  beforeEach(async () => {
    server = createServer((request, response) => handler(request, response));
    await listen(0);
    port = (server.address() as AddressInfo).port;
    const connection: Connection = {
      server: `http://127.0.0.1:${port}`,
      context: "test",
      source: "kubeconfig test",
      tls: { insecure: false },
      user: { token: "t" },
    };
    client = new ApiClient(connection, new AbortController().signal, (message) => warnings.push(message));
  });
  afterEach(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });

  it("sends credentials and query, and passes warnings on", async () => {
    handler = ({ url, headers }, response) =>
      json(
        response,
        200,
        { url, auth: headers.authorization ?? "" },
        { warning: '299 - "v1 Old is \\"deprecated\\""' },
      );
    const { body } = await client.request({ method: "GET", path: "/x", query: { a: "b c" } });
    assert.deepEqual(body, { url: "/x?a=b+c", auth: "Bearer t" });
    assert.deepEqual(warnings, ['v1 Old is "deprecated"']);
  });

  it("tries again while the server is busy or cuts the connection", async () => {
    let tries = 0;
    handler = (request, response) => {
      tries++;
      if (tries === 1) request.socket.destroy();
      else if (tries < 4) json(response, tries === 2 ? 429 : 503, { message: "busy" });
      else json(response, 200, { tries });
    };
    assert.deepEqual((await client.request({ method: "GET", path: "/" })).body, { tries: 4 });
  });

  it("does not try a refusal again, and keeps its causes", async () => {
    let tries = 0;
    const causes = [{ reason: "FieldValueInvalid", field: "spec.x", message: "field is immutable" }];
    handler = (_request, response) =>
      json(response, 422, { message: "invalid", reason: "Invalid", details: { causes } }, { tries: String(++tries) });
    await assert.rejects(
      client.request({ method: "GET", path: "/" }),
      (error: ApiError) => error.code === 422 && error.causes[0]?.field === "spec.x",
    );
    assert.equal(tries, 1);
  });

  it("fails at once when the server never answered, and waits for one that did", async () => {
    server.close();
    server.closeAllConnections();
    await assert.rejects(client.request({ method: "GET", path: "/" }), UnreachableError);
    server = createServer((_request, response) => json(response, 200, { ok: true }));
    await listen(port);
    await client.request({ method: "GET", path: "/" });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const waiting = client.request({ method: "GET", path: "/" });
    server = createServer((_request, response) => json(response, 200, { back: true }));
    await listen(port);
    assert.deepEqual((await waiting).body, { back: true });
  });

  it("explains an apply conflict by field and manager", () => {
    const causes = [
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "hpa" with subresource "scale"',
        field: ".spec.replicas",
      },
    ];
    const error = explain(
      new ApiError(409, { message: "Apply failed", details: { causes } }, "PATCH /x"),
      "updating Deployment a/b",
    );
    assert.match((error as Error).message, /^updating Deployment a\/b: .*\n {2}\.spec\.replicas: held by hpa\n/);
  });

  it("a watch goes on where it stood after its end, and lists anew when its version is forgotten", async () => {
    const asked: string[] = [];
    const object = (name: string, version: string): object => ({ metadata: { name, resourceVersion: version } });
    handler = ({ url = "" }, response) => {
      const query = new URL(url, "http://x").searchParams;
      asked.push(query.get("watch") === "true" ? `watch ${query.get("resourceVersion")}` : "list");
      if (query.get("watch") !== "true")
        return json(response, 200, {
          metadata: { resourceVersion: asked.length === 1 ? "10" : "30" },
          items: [object("a", "5")],
        });
      response.writeHead(200);
      if (query.get("resourceVersion") === "10")
        return void response.end(`${JSON.stringify({ type: "ADDED", object: object("b", "11") })}\n`);
      if (query.get("resourceVersion") === "11")
        return void response.end(`${JSON.stringify({ type: "ERROR", object: { code: 410 } })}\n`);
      response.write(`${JSON.stringify({ type: "ADDED", object: object("c", "31") })}\n`);
      return undefined;
    };
    const live = new LiveObjects(client, { path: "/objects" });
    const names = (): string => live.objects.map((found) => (found["metadata"] as { name: string }).name).join();
    await new Promise<void>((resolve) => live.onChange(() => (names() === "a,c" ? resolve() : undefined)));
    assert.deepEqual(asked, ["list", "watch 10", "watch 11", "list", "watch 30"]);
    live.close();
  });
});
